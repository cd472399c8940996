"""Batches: clips, windows, pictures and random numbers of sample numbers, made ahead of the step by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lcvd.config.train import TrainSettings
from lcvd.model.draws import Draws, draw
from lcvd.model.masks import latent_mask
from lcvd.model.objective import Batch
from lcvd.training.clips import Clips
from lcvd.training.order import clip_of, window_of

AHEAD = 2


@dataclass(frozen=True)
class NamedBatch:
    """A batch and what it holds, for error messages."""

    batch: Batch
    clips: list[str]
    samples: list[int]


def make_batch(clips: Clips, samples: Sequence[int], settings: TrainSettings, seed: int) -> NamedBatch:
    """The batch of these sample numbers, on the CPU; a pure function of its arguments (spec B1, B2)."""
    model = settings.model
    chosen = [clip_of(seed, sample, len(clips)) for sample in samples]
    pictures = [
        clips.pictures(clip, window_of(seed, sample, clips.length(clip), frames=model.frames, stride=settings.stride))
        for clip, sample in zip(chosen, samples, strict=True)
    ]
    side = model.size // 8
    draws = [
        draw(
            seed,
            sample,
            settings.objective,
            model.conditions,
            (model.frames, model.latents.channels, side, side),
            (model.size, model.size),
        )
        for sample in samples
    ]
    batch = Batch(
        _stacked([p.frames for p in pictures]),
        _stacked([p.hints for p in pictures]),
        torch.stack([latent_mask(torch.from_numpy(p.masks)) for p in pictures]),
        Draws.stack(draws),
    )
    return NamedBatch(batch, [clips.id(clip) for clip in chosen], list(samples))


def batches(
    clips: Clips, schedule: Iterable[Sequence[int]], settings: TrainSettings, seed: int
) -> Iterator[NamedBatch]:
    """Batches of the scheduled sample numbers, in order, up to `AHEAD` a thread in the making."""
    # One thread a loader: teams of their own would spin beside the step's, which then takes a third longer.
    with ThreadPoolExecutor(
        settings.loaders, thread_name_prefix="loader", initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        waiting: deque[Future[NamedBatch]] = deque()
        try:
            for samples in schedule:
                waiting.append(pool.submit(make_batch, clips, samples, settings, seed))
                if len(waiting) > AHEAD * settings.loaders:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on `device`."""
    return Batch(
        batch.frames_BFHW3.to(device),
        batch.hints_BFHW3.to(device),
        batch.mask_BF1hw.to(device),
        batch.draws.to(device),
    )


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
