"""Where things are in a square photograph of a person, and how something is drawn there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_FINE = 4
"""Outlines are drawn on so many times as many pixels a side."""


@dataclass(frozen=True)
class Places:
    """Where things are in a square picture: `eyes` and `mouth` corners, pixels (2, 2) each, picture's left before right;
    `chin`, a row; `skin` and `person`, (S, S) in [0, 1]."""

    eyes: Array
    mouth: Array
    chin: float
    skin: Array
    person: Array

    @property
    def apart(self) -> float:
        """Pixels between the eyes."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))

    def at(self, right: float | Array, down: float | Array) -> Array:
        """Pixels (..., 2) `right` and `down` of the middle between the eyes, in distances of the eyes along the face."""
        across = (self.eyes[1] - self.eyes[0]) / self.apart
        below = np.array([-across[1], across[0]])
        right, down = np.asarray(right)[..., None], np.asarray(down)[..., None]
        return self.eyes.mean(0) + self.apart * (right * across + down * below)


def blended(picture: Array, other: Array, share: Array) -> Array:
    """The picture (S, S, 3), with `share` (S, S) of `other` in it."""
    return picture + share[..., None] * (other - picture)


def brightness(picture: Array) -> Array:
    """Grey (S, S, 1), less contrasted than the picture, so that light and folds still show under another colour."""
    grey = picture.mean(-1, keepdims=True) + 1
    return np.sqrt(grey * np.median(grey))


def drawn(size: int, outlines: list[Array], thickness: float | None = None) -> Array:
    """Cover (S, S) float32 of polygons of pixels (N, 2), or of lines along them, smooth at the edges."""
    cover = np.zeros((_FINE * size, _FINE * size), np.float32)
    points = [np.rint(_FINE * outline).astype(np.int32) for outline in outlines]
    if thickness is None:
        cv2.fillPoly(cover, points, 1.0)
    else:
        cv2.polylines(cover, points, False, 1.0, max(1, round(_FINE * thickness)))
    return cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
