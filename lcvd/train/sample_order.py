"""Clip and frames of each training sample: pure functions of the seed and the sample number (spec B1).

Sample numbers count over the whole run, across processes and micro-steps. Any number of processes therefore trains on the
same sequence, and a resumed run continues it.
"""

import functools
from collections.abc import Iterator

import numpy as np
import torch

from lcvd.config.train import TrainSettings
from lcvd.model.seeds import generator

Weights = tuple[float, ...] | None


def schedule(settings: TrainSettings, rank: int, step: int = 0) -> Iterator[range]:
    """Yield the sample numbers of each micro-step of process `rank`, from optimiser step `step` on."""
    for micro_step in range(step * settings.accumulation, settings.steps * settings.accumulation):
        first = (micro_step * settings.world + rank) * settings.batch
        yield range(first, first + settings.batch)


def clip_of(seed: int, sample: int, clips: int, weights: Weights = None) -> int:
    """Return the clip index of a sample. Every clip occurs once per epoch, in a new order each time.

    With `weights`, one per clip, an epoch has as many samples as there are clips, and each clip occurs in proportion to its
    weight. The count is rounded up or down at random in each epoch, so that the mean over epochs is exact.
    """
    return next(clips_of(seed, sample, clips, weights))


def clips_of(seed: int, sample: int, clips: int, weights: Weights = None) -> Iterator[int]:
    """Yield the clip of a sample, then its replacements if it is broken: the following clips in the epoch's order.

    A broken clip therefore changes no other sample, and every process chooses the same replacement.
    """
    epoch, position = divmod(sample, clips)
    order = _order(seed, epoch, clips, weights)
    return iter(order[position:] + order[:position])


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, clips: int, weights: Weights) -> list[int]:
    rng = generator(seed, "order", epoch)
    order = torch.randperm(clips, generator=rng)
    if weights is None:
        return order.tolist()
    # Systematic resampling: equal steps over the cumulative sum of the weights, from a random start.
    ends = np.cumsum(np.asarray(weights, np.float64))
    steps = (np.arange(clips) + float(torch.rand((), generator=rng, dtype=torch.float64))) * (ends[-1] / clips)
    drawn = np.minimum(np.searchsorted(ends, steps, side="right"), clips - 1)
    return drawn[order.numpy()].tolist()


def window_of(seed: int, sample: int, length: int, *, frames: int, stride: int) -> list[int]:
    """Return the frame indices of a sample in a clip of `length` frames. The first is the reference.

    The window has `frames` indices at a random position, `stride` apart, or closer if the clip is too short. Its first
    index is replaced by the reference, a random frame of the whole clip.
    """
    rng = generator(seed, "window", sample)
    span = min(length, (frames - 1) * stride + 1)
    start = int(torch.randint(length - span + 1, (1,), generator=rng))
    reference = int(torch.randint(length, (1,), generator=rng))
    steps = [start + (span - 1) * i // (frames - 1) for i in range(frames)]
    return [reference, *steps[1:]]
