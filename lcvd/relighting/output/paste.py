"""The relit square put back into the whole frame it was cut from, blended along the person's edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.face.masks.registry import MASKERS
from lcvd.face.square import square_pictures
from lcvd.relighting.scene import Scene
from lcvd.video.decode import frames, read

Array = NDArray[Any]
FEATHER, RIM = 1 / 48, 1 / 24
"""Standard deviation of the edge's softness, and width of the fade to the square's border, in shares of its side."""


def pasted(scene: Scene, windows: Iterator[Array], settings: Settings) -> Iterator[Array]:
    """Whole frames (n, H, W, 3) uint8 with the generated squares `windows` (n, S, S, 3) in their place.

    A portrait that is animated stays before its own picture; a clip with its own motion keeps its frames. The person's
    edge is found in what was there and in what was generated, so that nothing of the old one is left beside the new.
    """
    size = settings.reconstruct.size
    masks = _Masks(settings)
    try:
        behind = _behind(scene)
        for window in windows:
            whole = np.stack([next(behind) for _ in window])
            x0, y0, side = scene.portrait.place
            old = square_pictures(whole, np.array([x0, y0, side]), size)
            weights = _soft(masks.either(old, square_pictures(window, _all(window), size)), side, _open(scene, whole))
            new = square_pictures(window, _all(window), side)
            part = whole[:, y0 : y0 + side, x0 : x0 + side]
            part[:] = np.rint(part + weights[..., None] * (new.astype(np.float32) - part)).astype(np.uint8)
            yield whole
    finally:
        masks.close()


class _Masks:
    def __init__(self, settings: Settings) -> None:
        self._before, self._after = (MASKERS.get(settings.reconstruct.mask).start() for _ in range(2))

    def either(self, old: Array, new: Array) -> Array:
        return np.asarray(np.maximum(self._before.update(old), self._after.update(new)))

    def close(self) -> None:
        self._before.close()
        self._after.close()


def _soft(masks: Array, side: int, open_sides: Array) -> Array:
    """Weights (n, side, side) float32: masks, feathered inwards and out, faded to 0 where the square's border cuts the
    picture (sides left, top, right, bottom of `open_sides`)."""
    fade = np.ones(side, np.float32)
    ramp = np.minimum((np.arange(side) + 0.5) / max(1.0, RIM * side), 1).astype(np.float32)
    across = fade * (ramp if open_sides[0] else 1) * (ramp[::-1] if open_sides[2] else 1)
    down = fade * (ramp if open_sides[1] else 1) * (ramp[::-1] if open_sides[3] else 1)
    large = [cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255 for mask in masks]
    soft = [cv2.GaussianBlur(mask, (0, 0), max(0.5, FEATHER * side)) for mask in large]
    weights: Array = np.stack(soft) * down[:, None] * across
    return weights


def _open(scene: Scene, whole: Array) -> Array:
    """Which sides of the square (left, top, right, bottom) lie inside the picture."""
    x0, y0, side = scene.portrait.place
    height, width = whole.shape[1:3]
    return np.array([x0 > 0, y0 > 0, x0 + side < width, y0 + side < height])


def _behind(scene: Scene) -> Iterator[Array]:
    """The whole frame (H, W, 3) that each generated frame is put into."""
    clip = scene.portrait.media.clip
    if not scene.own_motion:
        still = read(clip, [0])[0]
        while True:
            yield still
    last, shown = -1, np.zeros(0)
    source = (frame for window in frames(clip, 16) for frame in window)
    for place in scene.motion.places.tolist():  # in order, now and then the same again
        while last < place:
            last, shown = last + 1, next(source)
        yield shown


def _all(window: Array) -> Array:
    return np.array([0, 0, window.shape[1]])
