"""Which clip, and which of its frames, a training sample is: pure functions of (seed, sample number) (spec B1).

Sample numbers count over the whole run, over processes and micro-steps alike, so any number of processes sees the same
sequence, and a resumed run goes on with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch

from lcvd.model.seeds import generator

Weights = tuple[float, ...] | None


def sample_numbers(step: int, micro: int, rank: int, *, accumulation: int, world: int, batch: int) -> range:
    """Numbers of the samples that process `rank` sees in micro-step `micro` of optimiser step `step`."""
    first = ((step * accumulation + micro) * world + rank) * batch
    return range(first, first + batch)


def clip_of(seed: int, sample: int, clips: int, weights: Weights = None) -> int:
    """Index of the clip of a sample: every clip once an epoch, in a new order each time.

    With `weights`, one a clip, an epoch of as many samples holds each clip as often as its share of all weights says, in
    whole numbers: the one below or above, drawn anew each epoch, so that the share is met over epochs.
    """
    return next(clips_of(seed, sample, clips, weights))


def clips_of(seed: int, sample: int, clips: int, weights: Weights = None) -> Iterator[int]:
    """The clip of a sample, then those that take its place where it is broken, every one of the epoch once: those that
    follow in the epoch's order. So a broken clip changes no other sample, and every process replaces it by the same."""
    epoch, position = divmod(sample, clips)
    order = _order(seed, epoch, clips, weights)
    return iter(order[position:] + order[:position])


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, clips: int, weights: Weights) -> list[int]:
    rng = generator(seed, "order", epoch)
    order = torch.randperm(clips, generator=rng)
    if weights is None:
        return order.tolist()
    # Systematic resampling: equal steps over the weights' cumulated sum, from a random start.
    ends = np.cumsum(np.asarray(weights, np.float64))
    steps = (np.arange(clips) + float(torch.rand((), generator=rng, dtype=torch.float64))) * (ends[-1] / clips)
    drawn = np.minimum(np.searchsorted(ends, steps, side="right"), clips - 1)
    return drawn[order.numpy()].tolist()


def window_of(seed: int, sample: int, length: int, *, frames: int, stride: int) -> list[int]:
    """Frame indices of a sample in a clip of `length` frames; the first is the reference.

    A window of `frames` indices, `stride` apart where the clip is long enough and denser otherwise, starts anywhere;
    its first index gives way to the reference, which is any frame of the clip, whatever the window.
    """
    rng = generator(seed, "window", sample)
    span = min(length, (frames - 1) * stride + 1)
    start = int(torch.randint(length - span + 1, (1,), generator=rng))
    reference = int(torch.randint(length, (1,), generator=rng))
    steps = [start + (span - 1) * i // (frames - 1) for i in range(frames)]
    return [reference, *steps[1:]]
