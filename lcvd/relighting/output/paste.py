"""Paste the relit square back into the whole frame, blended along the silhouette of the person."""

from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.face.masks.registry import MASKERS
from lcvd.face.square import square_pictures
from lcvd.relighting.output.options import resized
from lcvd.relighting.scene import Scene
from lcvd.video.decode import frames, read

FEATHER, RIM = 1 / 48, 1 / 24
"""Standard deviation of the edge blur, and width of the fade at the square's border, as fractions of its side."""


def pasted(scene: Scene, windows: Iterator[Array], settings: Settings) -> Iterator[Array]:
    """Paste the generated squares `windows` (n, S, S, 3) into whole frames (n, H, W, 3) uint8.

    The background of an animated portrait is its own image; a clip with its own motion keeps its frames. The person is
    segmented in the original and in the generated square, and the union is replaced, so that no original edge remains.
    """
    size = settings.reconstruct.size
    x0, y0, side = scene.portrait.place
    square = np.array([x0, y0, side])
    masker = MASKERS.get(settings.reconstruct.mask)
    with closing(masker.start()) as before, closing(masker.start()) as after:
        background = _background(scene)
        for window in windows:
            whole = np.stack([next(background) for _ in window])
            masks = np.maximum(before.update(square_pictures(whole, square, size)), after.update(resized(window, size)))
            weights = _weights(masks, side, _inner_sides(square, whole))
            part = whole[:, y0 : y0 + side, x0 : x0 + side]
            new = resized(window, side).astype(np.float32)
            part[:] = np.rint(part + weights[..., None] * (new - part)).astype(np.uint8)
            yield whole


def _weights(masks: Array, side: int, inner: Array) -> Array:
    """Weights (n, side, side) float32: the masks, blurred, and faded to 0 at the `inner` sides (left, top, right,
    bottom)."""
    fade = np.ones(side, np.float32)
    ramp = np.minimum((np.arange(side) + 0.5) / max(1.0, RIM * side), 1).astype(np.float32)
    across = fade * (ramp if inner[0] else 1) * (ramp[::-1] if inner[2] else 1)
    down = fade * (ramp if inner[1] else 1) * (ramp[::-1] if inner[3] else 1)
    large = [cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255 for mask in masks]
    soft = [cv2.GaussianBlur(mask, (0, 0), max(0.5, FEATHER * side)) for mask in large]
    weights: Array = np.stack(soft) * down[:, None] * across
    return weights


def _inner_sides(square: Array, whole: Array) -> Array:
    """Which sides of the square (left, top, right, bottom) are inside the frame and not at its border."""
    x0, y0, side = square
    height, width = whole.shape[1:3]
    return np.array([x0 > 0, y0 > 0, x0 + side < width, y0 + side < height])


def _background(scene: Scene) -> Iterator[Array]:
    """The whole frame (H, W, 3) for each generated frame."""
    clip = scene.portrait.media.clip
    if not scene.own_motion:
        still = read(clip, [0])[0]
        while True:
            yield still
    last, shown = -1, np.zeros(0)
    source = (frame for window in frames(clip, 16) for frame in window)
    for place in scene.motion.places.tolist():  # ascending, with repetitions
        while last < place:
            last, shown = last + 1, next(source)
        yield shown
