"""Accumulators that several metrics use."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lcvd.metrics.base import Array, Device, FrameWindow, Observation
from lcvd.metrics.frechet import FeatureSet
from lcvd.weights.registry import ModelError


class Collected:
    """Accumulates what `observe` returns for each window of n frames: n rows under each key."""

    def __init__(self, observe: Callable[[FrameWindow], Observation]) -> None:
        self._observe = observe
        self._found: list[Observation] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window. Raises as `observe` does."""
        self._found.append(self._observe(window))

    def finish(self) -> Observation:
        """All rows by key."""
        return {key: np.concatenate([each[key] for each in self._found]) for key in self._found[0]}


class PerFrame(Collected):
    """Accumulates rows (T, ...) under `key`. `update` raises a ModelError if a number isn't finite.

    Args:
        key: key of the observation; errors name it as the metric.
        rows: from a window of n frames to n rows of finite numbers.
    """

    def __init__(self, key: str, rows: Callable[[FrameWindow], Array]) -> None:
        super().__init__(lambda window: {key: finite(key, rows(window), window.start)})


class FeatureMoments:
    """Accumulates the `FeatureSet` of all frames; its rows are under `key`.

    Args:
        key: key of the observation; errors name it as the metric.
        network: from frames (n, H, W, 3) uint8 RGB to features (n, D).
    """

    def __init__(self, key: str, network: Callable[[Array], Array]) -> None:
        self._key, self._network = key, network
        self._set: FeatureSet | None = None

    def update(self, window: FrameWindow) -> None:
        """Take the next window.

        Raises:
            ModelError: a feature isn't finite.
        """
        self.add(finite(self._key, self._network(window.frames), window.start))

    def add(self, features: Array) -> None:
        """Take the features (n, D) of the next frames."""
        part = FeatureSet.of(features)
        self._set = part if self._set is None else FeatureSet.union([self._set, part])

    def finish(self) -> Observation:
        """The rows of the set."""
        assert self._set is not None, "the video has no frames"
        return {self._key: self._set.rows}


def in_batches(network: Callable[..., Tensor], device: Device, size: int, *videos: Array) -> Array:
    """The outputs (T, ...) of a network for T frames (T, H, W, 3) uint8 RGB of each video, `size` frames at once.

    Args:
        network: maps a tensor (n, 3, H, W) uint8 on `device` for each video to n rows.

    Raises:
        ValueError: the frames have another shape or type.
    """
    for frames in videos:
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames are uint8 (T, H, W, 3), found {frames.dtype} {frames.shape}")
    tensors = [torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 3, 1, 2) for frames in videos]
    parts = zip(*(tensor.split(size) for tensor in tensors), strict=True)
    found: Array = torch.cat([network(*part) for part in parts]).cpu().numpy()
    return found


def finite(name: str, rows: Array, start: int = 0) -> Array:
    """`rows`, (n, ...), of which the first belongs to frame `start`.

    Raises:
        ModelError: a number isn't finite. It would make the score of a whole set of videos NaN, or go unnoticed in a mean.
    """
    bad = ~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
    if bad.any():
        raise ModelError(
            f"{name}: frame {start + int(bad.argmax())} gave a number that isn't finite; check its weights"
        )
    return rows
