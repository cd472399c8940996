"""FVD's features: StyleGAN-V's I3D over clips of 16 frames, and which clips of a video are taken (spec G).

Two samplings, which aren't comparable. ``FVD`` is StyleGAN-V's ``fvd2048_16f`` over folders: one clip a video, a generated
video's first 16 frames, a real one's 16 consecutive frames at a random place. With few videos its covariance is far from
full rank. ``FVD(all windows)`` takes every 16 frames in turn of both. Distances use the biased covariance (spec K1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.errors import UsageError
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError

NAME, ALL = "FVD", "FVD(all windows)"
WEIGHTS = "i3d"
FRAMES, DIM, MOST = 16, 400, 2048
"""Frames of a clip, numbers of its feature, and how many clips of a set `NAME` takes at most."""
Array = NDArray[Any]


class I3d:
    """The published TorchScript module; clips go through one by one.

    Raises:
        MissingWeights: its file isn't there.
        ModelError: the file isn't a TorchScript module.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._path, self._device = require(WEIGHTS), device
        try:
            self._network = torch.jit.load(str(self._path), map_location=device).eval()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path}: not a TorchScript module: {str(error).splitlines()[0]}") from None

    @torch.inference_mode()
    def __call__(self, clip: Array) -> Array:
        """The feature (400,) of 16 frames (16, H, W, 3) uint8 RGB: pre-softmax, rescaled and resized by the module itself.

        Raises:
            ModelError: the module gives something else than 400 finite numbers, or takes other arguments.
        """
        x_BCTHW = torch.from_numpy(np.ascontiguousarray(clip)).permute(3, 0, 1, 2)[None].to(self._device).float()
        try:
            found = self._network(x_BCTHW, rescale=True, resize=True, return_features=True)
        except RuntimeError as error:
            raise ModelError(f"{self._path}: doesn't run as StyleGAN-V's I3D does: {str(error).strip()}") from None
        if tuple(found.shape) != (1, DIM) or not found.isfinite().all():
            raise ModelError(f"{self._path}: gave {tuple(found.shape)} instead of {DIM} finite numbers a clip")
        feature: Array = found[0].float().cpu().numpy()
        return feature


def clip_starts(metric: str, frames: int, real: bool, seed: int) -> list[int]:
    """First frames of the clips that `metric` takes of a video.

    Args:
        metric: `NAME` or `ALL`.
        frames: of the video.
        real: whether it is one of the real set.
        seed: of the place in a real video; give each video its own.

    Raises:
        ValueError: the video is shorter than a clip.
    """
    if frames < FRAMES:
        raise UsageError(
            f"{metric} needs {FRAMES} frames of each video, this one has {frames}: leave it out, or {metric}"
        )
    if metric == ALL:
        return list(range(0, frames - FRAMES + 1, FRAMES))
    return [int(np.random.default_rng(seed).integers(frames - FRAMES + 1)) if real else 0]


class VideoFeatures:
    """Features of one video's clips; its frames are handed over in order, in windows, and at most 15 are kept between."""

    def __init__(self, network: I3d, starts: Sequence[int]) -> None:
        """Take the clips' first frames, which rise and lie at least 16 apart (`clip_starts`)."""
        self._network, self._starts = network, list(starts)
        self._pending: list[Array] = []
        self._seen = 0
        self._features: list[Array] = []

    def update(self, window: Array) -> None:
        """Take the next frames, (n, H, W, 3) uint8 RGB."""
        for frame in window:
            if self._starts and self._seen >= self._starts[0]:
                self._pending.append(frame)
            self._seen += 1
            if len(self._pending) == FRAMES:
                self._features.append(self._network(np.stack(self._pending)))
                self._pending = []
                del self._starts[0]

    def finish(self) -> Array:
        """Features (clips, 400) of the video.

        Raises:
            ValueError: it ended before its last clip did.
        """
        if self._starts:
            raise ValueError(f"the video ended at frame {self._seen}, within the clip from frame {self._starts[0]}")
        return np.stack(self._features) if self._features else np.zeros((0, DIM), np.float32)
