"""Positions of facial features in a square photograph, and drawing relative to them."""

from dataclasses import dataclass

import cv2
import numpy as np

from lcvd.array import Array

_SUPERSAMPLING = 4
"""Outlines are drawn at this multiple of the image side."""


@dataclass(frozen=True)
class FaceLayout:
    """Layout of a square image: corners of `eyes` and `mouth` in pixels, (2, 2) each, left in the image first; `chin`,
    a row; soft masks `skin` and `person`, (S, S) in [0, 1]."""

    eyes: Array
    mouth: Array
    chin: float
    skin: Array
    person: Array

    @property
    def eye_distance(self) -> float:
        """Pixels between the eyes."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))

    def at(self, right: float | Array, down: float | Array) -> Array:
        """Pixel positions (..., 2) at `right` and `down` from the point between the eyes, in eye distances along the
        face's axes."""
        across = (self.eyes[1] - self.eyes[0]) / self.eye_distance
        below = np.array([-across[1], across[0]])
        right, down = np.asarray(right)[..., None], np.asarray(down)[..., None]
        return self.eyes.mean(0) + self.eye_distance * (right * across + down * below)


def blend(image: Array, other: Array, alpha: Array) -> Array:
    """Alpha-blend `other` (S, S, 3) over `image` (S, S, 3) with `alpha` (S, S)."""
    return image + alpha[..., None] * (other - image)


def soft_luminance(image: Array) -> Array:
    """Grey (S, S, 1) with reduced contrast, so that light and folds stay visible under a new colour."""
    grey = image.mean(-1, keepdims=True) + 1
    return np.sqrt(grey * np.median(grey))


def ellipse(wide: float, high: float, count: int) -> Array:
    """Points (count, 2) on an ellipse around the origin, with semi-axes `wide` and `high`."""
    theta = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([wide * np.cos(theta), high * np.sin(theta)], -1)


def draw_outlines(size: int, outlines: list[Array], thickness: float | None = None) -> Array:
    """Antialiased cover (S, S) float32 of polygons of pixels (N, 2), or of lines along them if `thickness` is given."""
    cover = np.zeros((_SUPERSAMPLING * size, _SUPERSAMPLING * size), np.float32)
    points = [np.rint(_SUPERSAMPLING * outline).astype(np.int32) for outline in outlines]
    if thickness is None:
        cv2.fillPoly(cover, points, 1.0)
    else:
        cv2.polylines(cover, points, False, 1.0, max(1, round(_SUPERSAMPLING * thickness)))
    return cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
