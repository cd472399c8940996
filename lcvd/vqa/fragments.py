"""Input of Faster-VQA: 32 frames of a clip, and of each a grid of 7 x 7 patches at full resolution (spec F, K3-K5).

All draws are planned before any frame is decoded. A frame shared by several draws is decoded once, and only a few whole
frames are in memory at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Sampling = Literal["script", "fragments"]
Frames = NDArray[np.uint8]
FRAMES, GRID, CELL, GROUP = 32, 7, 32, 8
"""Frames per draw; patches per row and column; side of a patch in pixels; consecutive frames with the same patch offsets."""
SIDE = GRID * CELL
SEGMENTS, STRIDE = 8, 2


@dataclass(frozen=True)
class Draw:
    """One random sample of a clip's frames and patches."""

    frames: tuple[int, ...]
    """Indices of the 32 frames. Short clips repeat some."""
    rows: NDArray[np.int64]
    """Vertical offset in pixels of each patch within its grid cell, (7, 7, 4): grid row, grid column, group of eight frames."""
    columns: NDArray[np.int64]
    """Horizontal offset in pixels, of the same shape."""


def plan_draws(frames: int, height: int, width: int, sampling: Sampling, seed: int, draws: int) -> list[Draw]:
    """Plan the draws for a clip of `frames` frames of `height` x `width`. Draw k doesn't depend on the number of draws.

    Raises:
        ValueError: there is no frame, or no such sampling.
    """
    if frames < 1:
        raise ValueError("can't score the quality of a clip without frames")
    found = []
    for k in range(draws):
        rng = np.random.default_rng((seed, k))
        chosen = _FRAMES[sampling](frames, rng)
        found.append(Draw(tuple(chosen), _offsets(height, rng), _offsets(width, rng)))
    return found


def extract_fragments(draws: Sequence[Draw], fetch: Callable[[Sequence[int]], Frames], at_once: int) -> Frames:
    """Return the fragments (K, 3, 32, 224, 224) uint8 RGB of K draws.

    Args:
        draws: from `plan_draws`.
        fetch: returns the clip's frames at the given indices, (n, H, W, 3) uint8 RGB. It is called in temporal order and
            gets each index once.
        at_once: maximum number of frames to fetch, and keep in memory, at a time.
    """
    out = np.empty((len(draws), 3, FRAMES, SIDE, SIDE), np.uint8)
    uses: dict[int, list[tuple[int, int]]] = {}
    for number, draw in enumerate(draws):
        for position, frame in enumerate(draw.frames):
            uses.setdefault(frame, []).append((number, position))
    wanted = sorted(uses)
    for first in range(0, len(wanted), at_once):
        indices = wanted[first : first + at_once]
        for index, image in zip(indices, fetch(indices), strict=True):
            for number, position in uses[index]:
                draw, group = draws[number], position // GROUP
                out[number, :, position] = patches(image, draw.rows[..., group], draw.columns[..., group])
    return out


def patches(image: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Cut 7 x 7 patches out of an image (H, W, 3) uint8 and tile them: (3, 224, 224).

    An image with a side below 224 px is enlarged, but the grid is that of the original size, as in the published code.
    """
    height, width = image.shape[:2]
    tops, lefts = _grid(height), _grid(width)
    image = _enlarged(image)
    out = np.empty((3, SIDE, SIDE), np.uint8)
    for i in range(GRID):
        for j in range(GRID):
            top, left = tops[i] + rows[i, j], lefts[j] + columns[i, j]
            patch = image[top : top + CELL, left : left + CELL]
            out[:, i * CELL : (i + 1) * CELL, j * CELL : (j + 1) * CELL] = patch.transpose(2, 0, 1)
    return out


def script_frames(frames: int, rng: np.random.Generator) -> list[int]:
    """Frames of the published script: 32 consecutive frames from the middle of the clip. Not random."""
    first = max(0, (frames - FRAMES + 1) // 2)
    return [(first + i) % frames for i in range(FRAMES)]


def segment_frames(frames: int, rng: np.random.Generator) -> list[int]:
    """Frames of the Faster-VQA paper: four frames, two apart, at a random position in each of eight segments."""
    length, each = frames // SEGMENTS, FRAMES // SEGMENTS
    room = length - each * STRIDE
    starts = rng.integers(0, room, SEGMENTS) if room > 0 else np.zeros(SEGMENTS, np.int64)
    return [int(k * length + starts[k] + i * STRIDE) % frames for k in range(SEGMENTS) for i in range(each)]


_FRAMES = {"script": script_frames, "fragments": segment_frames}


def _grid(length: int) -> list[int]:
    """Return the first pixel of each grid cell along an axis."""
    return [max(0, min(length // GRID * i, length - CELL)) for i in range(GRID)]


def _offsets(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw offsets along an axis. If a cell isn't larger than a patch, offsets are 0 and no number is drawn (spec K5)."""
    room = length // GRID - CELL
    shape = (GRID, GRID, FRAMES // GROUP)
    return rng.integers(0, room, shape) if room > 0 else np.zeros(shape, np.int64)


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = SIDE / min(image.shape[:2])
    if scale <= 1:
        return image
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    large = functional.interpolate(planes, scale_factor=scale, mode="bilinear")
    return (large * 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
