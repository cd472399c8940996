"""Samples of lit skin to which a light is fitted: means over blocks of pixels, with their normals."""

from dataclasses import dataclass

import numpy as np

from lcvd.array import Array

FRONT = 0.3
"""Pixels whose normal has a smaller z are excluded, because mesh and image agree least there."""
GRID = 64
"""Samples are means over blocks, about GRID x GRID of them per image."""


@dataclass(frozen=True)
class LightSamples:
    """Visible skin in T frames: N blocks with `normals` (N, 3) float16, `colours` (N, 3) uint8, `frame` (N,) int32, and
    `place` (N,) int16, the index of the region of the face.

    A frame takes about ten kilobytes at any resolution, so the samples of a whole clip fit in memory.
    """

    normals: Array
    colours: Array
    frame: Array
    place: Array
    frames: int


@dataclass(frozen=True)
class SkinBlocks:
    """Skin blocks of T frames of one size, independent of the video: a few dozen kilobytes per frame. A clip's mesh is rasterised
    once for all of its videos."""

    use: Array
    """(T, bytes) uint8: packed mask of the pixels that are used."""
    where: Array
    """(N, 3) int16: frame, row and column of each block."""
    normals: Array
    place: Array
    """As in `LightSamples`."""
    shape: tuple[int, int, int]
    """Number of frames, blocks per side, and pixels per side of a block."""

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
    """Skin blocks of normal images (T, S, S, 3) inside the mask `skin` (T, S, S); `places` as in `gather`."""
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
    positions = np.stack(where, axis=1).astype(np.int16)
    return SkinBlocks(packed, positions, unit.astype(np.float16), place, (count, cells, block))


def gather(frames: Array, normals: Array, skin: Array, places: Array | None = None) -> LightSamples:
    """Samples of frames (T, S, S, 3) uint8 with normal images (T, S, S, 3), inside the mask `skin` (T, S, S).

    `places` (T, S, S) are region indices from 0; None treats all skin as one region.
    """
    return skin_blocks(normals, skin, places).samples(frames)


def join(parts: list[LightSamples]) -> LightSamples:
    """Concatenate the samples of consecutive windows of a clip."""
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
