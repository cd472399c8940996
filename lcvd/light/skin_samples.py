"""Samples of lit skin: blocks of pixels with their normals, a few kilobytes a frame, that a light is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcvd.array import Array

FRONT = 0.3
"""Normals with a smaller z are left out: there the mesh and the picture fit each other least."""
GRID = 64
"""Samples are means over blocks, about GRID x GRID of them a picture."""


@dataclass(frozen=True)
class LightSamples:
    """Skin seen in T frames: N blocks with `normals` (N, 3) float16, `colours` (N, 3) uint8, `frame` (N,) int32, and
    `place` (N,) int16, the number from 0 of the place on the face that a block shows.

    A frame costs about ten kilobytes whatever its size, so that a clip's samples fit in memory while its pixels don't.
    """

    normals: Array
    colours: Array
    frame: Array
    place: Array
    frames: int


@dataclass(frozen=True)
class SkinBlocks:
    """Where T frames of one size show skin, and its normals, whatever video is looked at there: a few dozen kilobytes a
    frame, so that the mesh of a clip is drawn once for all its videos."""

    use: Array
    """(T, bytes) uint8: which pixels count, packed."""
    where: Array
    """(N, 3) int16: frame, row and column of each block."""
    normals: Array
    place: Array
    """As in `LightSamples`."""
    shape: tuple[int, int, int]
    """Frames, blocks a side, pixels a block."""

    def samples(self, frames: Array) -> LightSamples:
        """The samples of frames (T, S, S, 3) uint8."""
        count, cells, block = self.shape
        side = cells * block
        use = np.unpackbits(self.use, axis=1, count=side * side).reshape(count, side, side, 1)
        where = tuple(self.where.T)
        weight = _blocks(use.astype(np.float32), cells, block)[where]
        mean = _blocks(frames[:, :side, :side] * use, cells, block)[where]
        colours = np.rint(mean / weight).astype(np.uint8)
        return LightSamples(self.normals, colours, self.where[:, 0].astype(np.int32), self.place, count)


def skin_blocks(normals: Array, skin: Array, places: Array | None = None) -> SkinBlocks:
    """Blocks of normal images (T, S, S, 3) where `skin` (T, S, S) bool; `places` as in `gather`."""
    count, size = skin.shape[:2]
    block = max(1, size // GRID)
    cells = size // block
    cut = slice(0, cells * block)
    use = (skin & (normals[..., 2] > FRONT))[:, cut, cut]
    where = np.nonzero(_blocks(use[..., None].astype(np.float32), cells, block)[..., 0] >= 0.5)
    mean = _blocks(normals[:, cut, cut] * use[..., None], cells, block)[where]
    unit = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-6)
    place = np.zeros(len(unit), np.int16)
    if places is not None:
        shown = np.where(use, places[:, cut, cut], -1).reshape(count, cells, block, cells, block)
        place = shown.max(axis=(2, 4))[where].astype(np.int16)
    packed = np.packbits(use.reshape(count, -1), axis=1)
    return SkinBlocks(
        packed, np.stack(where, axis=1).astype(np.int16), unit.astype(np.float16), place, (count, cells, block)
    )


def gather(frames: Array, normals: Array, skin: Array, places: Array | None = None) -> LightSamples:
    """Samples of frames (T, S, S, 3) uint8 with normal images (T, S, S, 3), where `skin` (T, S, S) bool.

    `places` (T, S, S) are numbers from 0 of places on the face; without them all skin has one tone.
    """
    return skin_blocks(normals, skin, places).samples(frames)


def join(parts: list[LightSamples]) -> LightSamples:
    """The samples of consecutive windows as those of one clip."""
    starts = np.cumsum([0, *(part.frames for part in parts)])
    return LightSamples(
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.colours for part in parts]),
        np.concatenate([part.frame + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32),
        np.concatenate([part.place for part in parts]),
        int(starts[-1]),
    )


def _blocks(images: Array, cells: int, block: int) -> Array:
    count, channels = len(images), images.shape[-1]
    return images.reshape(count, cells, block, cells, block, channels).mean(axis=(2, 4), dtype=np.float32)
