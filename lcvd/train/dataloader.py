"""Batches of clips, windows, images and random numbers for given sample numbers, prefetched by threads."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lcvd.config.train import TrainSettings
from lcvd.errors import FileError
from lcvd.model.objective import Batch, Encoded
from lcvd.model.random_draws import Draws, draw
from lcvd.shard.latents_format import Prepared
from lcvd.train.dataset import Clips
from lcvd.train.sample_order import clips_of, window_of
from lcvd.train.shard_index import FrameData

AHEAD = 2


@dataclass(frozen=True)
class NamedBatch:
    """A batch with its clip ids and sample numbers, for error messages."""

    batch: Batch
    clips: list[str]
    samples: list[int]


def make_batch(clips: Clips, samples: Sequence[int], settings: TrainSettings, seed: int) -> NamedBatch:
    """Build the batch of the given sample numbers on the CPU. It is a pure function of its arguments (spec B1, B2).

    A broken clip is replaced by another one (`clips_of`).

    Raises:
        FileError: too many clips are broken.
    """
    model = settings.model
    chosen, images = zip(*(_read(clips, sample, settings, seed) for sample in samples), strict=True)
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
        _stacked([p.frames for p in images]),
        _stacked([p.hints for p in images]),
        _stacked([p.masks for p in images])[:, :, None].float(),
        Draws.stack(draws),
        _encoded([p.prepared for p in images if p.prepared]),
        _stacked([p.warped_reference() for p in images]) if model.warp_reference else None,
    )
    return NamedBatch(batch, [clips.id(clip) for clip in chosen], list(samples))


def _read(clips: Clips, sample: int, settings: TrainSettings, seed: int) -> tuple[int, FrameData]:
    """Read the clip of a sample and its window."""
    for clip in clips_of(seed, sample, len(clips), clips.weights):
        if clips.is_broken(clip):
            continue
        window = window_of(seed, sample, clips.length(clip), frames=settings.model.frames, stride=settings.stride)
        if images := clips.frame_data(clip, window):
            return clip, images
    raise FileError(f"all {len(clips)} clips are broken; run `dvc checkout` or `dvc repro shard`")


def batches(
    clips: Clips, schedule: Iterable[Sequence[int]], settings: TrainSettings, seed: int
) -> Iterator[NamedBatch]:
    """Yield the batches of the scheduled sample numbers in order, prefetching up to `AHEAD` batches per thread."""
    # One torch thread per loader: more threads would busy-wait and make the training step a third slower.
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


def moved(value: Any, device: torch.device) -> Any:
    """Copy all tensors of `value`, a batch or a part of one, to `device`."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(each, device) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{name: moved(each, device) for name, each in vars(value).items()})
    return value


def _encoded(rows: Sequence[Prepared]) -> Encoded | None:
    if not rows:
        return None
    return Encoded(
        _stacked([row.mean for row in rows]),
        _stacked([row.std for row in rows]),
        _stacked([row.token[:1] for row in rows]),
    )


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
