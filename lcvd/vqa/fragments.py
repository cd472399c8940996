"""What Faster-VQA looks at: 32 frames of a clip, and of each a grid of 7 x 7 patches at full resolution (spec F, K3-K5).

Draws are planned before a frame is decoded, so a frame that several draws share is decoded once, and whole frames are
held a few at a time.
"""

from __future__ import annotations

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
"""Frames of a draw; patches in a row and column of a frame; side of a patch; frames that share their patches' places."""
SIDE = GRID * CELL
SEGMENTS, STRIDE = 8, 2


@dataclass(frozen=True)
class Draw:
    """One random look at a clip."""

    frames: tuple[int, ...]
    """The 32 frames, counted from the clip's first; short clips repeat some."""
    rows: NDArray[np.int64]
    """Offset in pixels of each patch within its cell, (7, 7, 4): row of the grid, column, group of eight frames."""
    columns: NDArray[np.int64]
    """The same to the right."""


def plan(frames: int, height: int, width: int, sampling: Sampling, seed: int, draws: int) -> list[Draw]:
    """Draws for a clip of so many frames of `height` x `width`; draw k is the same whatever the number of draws.

    Raises:
        ValueError: there is no frame, or no such sampling.
    """
    if frames < 1:
        raise ValueError("a clip without frames has no quality")
    found = []
    for k in range(draws):
        rng = np.random.default_rng((seed, k))
        chosen = _FRAMES[sampling](frames, rng)
        found.append(Draw(tuple(chosen), _offsets(height, rng), _offsets(width, rng)))
    return found


def look(draws: Sequence[Draw], fetch: Callable[[Sequence[int]], Frames], at_once: int) -> Frames:
    """Fragments (K, 3, 32, 224, 224) uint8 RGB of K draws.

    Args:
        draws: as `plan` gives them.
        fetch: frames of the clip at indices, (n, H, W, 3) uint8 RGB; asked in order of time, for each frame once.
        at_once: whole frames that are asked for, and held, at once.
    """
    out = np.empty((len(draws), 3, FRAMES, SIDE, SIDE), np.uint8)
    uses: dict[int, list[tuple[int, int]]] = {}
    for number, draw in enumerate(draws):
        for place, frame in enumerate(draw.frames):
            uses.setdefault(frame, []).append((number, place))
    wanted = sorted(uses)
    for first in range(0, len(wanted), at_once):
        indices = wanted[first : first + at_once]
        for index, image in zip(indices, fetch(indices), strict=True):
            for number, place in uses[index]:
                draw, group = draws[number], place // GROUP
                out[number, :, place] = patches(image, draw.rows[..., group], draw.columns[..., group])
    return out


def patches(image: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The 7 x 7 patches of an (H, W, 3) uint8 image, put side by side: (3, 224, 224).

    A frame with a side below 224 is enlarged, and the grid is laid over the frame as it was before: as published.
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
    """What the published script looks at: 32 frames in a row from the middle of the clip; nothing is random."""
    first = max(0, (frames - FRAMES + 1) // 2)
    return [(first + i) % frames for i in range(FRAMES)]


def segment_frames(frames: int, rng: np.random.Generator) -> list[int]:
    """What the paper looks at: four frames, every other one, at a random place in each of eight segments."""
    length, each = frames // SEGMENTS, FRAMES // SEGMENTS
    room = length - each * STRIDE
    starts = rng.integers(0, room, SEGMENTS) if room > 0 else np.zeros(SEGMENTS, np.int64)
    return [int(k * length + starts[k] + i * STRIDE) % frames for k in range(SEGMENTS) for i in range(each)]


_FRAMES = {"script": script_frames, "fragments": segment_frames}


def _grid(length: int) -> list[int]:
    """First pixels of the cells along an axis."""
    return [max(0, min(length // GRID * i, length - CELL)) for i in range(GRID)]


def _offsets(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Offsets along an axis; a cell of one patch's size leaves no room, and takes no draw (spec K5)."""
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
