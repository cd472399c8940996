"""FVD: StyleGAN-V's I3D features of clips of 16 frames, and which clips of a video are sampled (spec G).

Values of the two samplings aren't comparable. ``FVD`` is StyleGAN-V's ``fvd2048_16f`` over folders, with one clip per video:
the first 16 frames of a generated video, 16 consecutive frames at a random position of a real one. With few videos its
covariance is far from full rank. ``FVD(all windows)`` takes all consecutive clips of 16 frames of both. Distances use the
biased covariance (spec K1).
"""

from collections.abc import Sequence

import numpy as np
import torch

from lcvd.errors import UsageError
from lcvd.metrics.base import Array, Device, FrameWindow, Metric, Observation, Observer, VideoInfo
from lcvd.metrics.frechet import FeatureSet
from lcvd.model.seeds import seed_of
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError

NAME, ALL = "FVD", "FVD(all windows)"
WEIGHTS = "i3d"
FRAMES, DIM, MOST = 16, 400, 2048
"""Frames of a clip, length of its feature, and the maximum number of clips in a set of `NAME`."""


class I3d:
    """The published TorchScript module. It processes one clip at a time.

    Raises:
        MissingWeights: its file isn't there.
        ModelError: the file isn't a TorchScript module.
    """

    def __init__(self, device: Device = "cpu") -> None:
        self._path, self._device = require(WEIGHTS), device
        try:
            self._network = torch.jit.load(str(self._path), map_location=device).eval()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path}: not a TorchScript module: {str(error).splitlines()[0]}") from None

    @torch.inference_mode()
    def __call__(self, clip: Array) -> Array:
        """The feature (400,) of 16 frames (16, H, W, 3) uint8 RGB: pre-softmax. The module itself rescales and resizes.

        Raises:
            ModelError: the module doesn't return 400 finite numbers, or takes other arguments.
        """
        x_BCTHW = torch.from_numpy(np.ascontiguousarray(clip)).permute(3, 0, 1, 2)[None].to(self._device).float()
        try:
            found = self._network(x_BCTHW, rescale=True, resize=True, return_features=True)
        except RuntimeError as error:
            raise ModelError(f"{self._path}: doesn't run like StyleGAN-V's I3D: {str(error).strip()}") from None
        if tuple(found.shape) != (1, DIM) or not found.isfinite().all():
            raise ModelError(f"{self._path}: returned {tuple(found.shape)} instead of {DIM} finite numbers per clip")
        feature: Array = found[0].float().cpu().numpy()
        return feature


def clip_starts(metric: str, frames: int, real: bool, seed: int) -> list[int]:
    """First frames of the clips that `metric` samples from a video.

    Args:
        metric: `NAME` or `ALL`.
        frames: number of frames of the video.
        real: whether the video belongs to the real set.
        seed: determines the position in a real video; use a different one for each video.

    Raises:
        UsageError: the video is shorter than a clip.
    """
    if frames < FRAMES:
        raise UsageError(
            f"{metric} needs {FRAMES} frames per video, this one has {frames}: remove the video, or don't ask for {metric}"
        )
    if metric == ALL:
        return list(range(0, frames - FRAMES + 1, FRAMES))
    return [int(np.random.default_rng(seed).integers(frames - FRAMES + 1)) if real else 0]


class ClipFeatures:
    """Accumulates `metric`'s features (clips, 400) of one video. Between windows it keeps at most 15 frames.

    Args:
        metric: `NAME` or `ALL`, the key of the observation.
        network: computes the feature of a clip.
        starts: first frames of the clips, ascending and at least 16 apart (`clip_starts`).
    """

    def __init__(self, metric: str, network: I3d, starts: Sequence[int]) -> None:
        self._metric, self._network, self._starts = metric, network, list(starts)
        self._pending: list[Array] = []
        self._seen = 0
        self._features: list[Array] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        for frame in window.frames:
            if self._starts and self._seen >= self._starts[0]:
                self._pending.append(frame)
            self._seen += 1
            if len(self._pending) == FRAMES:
                self._features.append(self._network(np.stack(self._pending)))
                self._pending = []
                del self._starts[0]

    def finish(self) -> Observation:
        """The features.

        Raises:
            ValueError: the video ended before its last clip.
        """
        if self._starts:
            raise ValueError(f"the video ended at frame {self._seen}, within the clip from frame {self._starts[0]}")
        return {self._metric: np.stack(self._features) if self._features else np.zeros((0, DIM), np.float32)}


def _metric(name: str, sampling: str) -> Metric:
    def accumulate(network: I3d, video: VideoInfo) -> ClipFeatures:
        seed = seed_of(video.settings.seed, "fvd", video.clip)
        return ClipFeatures(name, network, clip_starts(name, video.frames, video.real, seed))

    return Metric(
        name=name,
        direction="lower",
        meaning=f"Fréchet distance between the I3D features of the outputs and of the driving videos, {sampling}.",
        packages=("lcvd", "numpy", "torch"),
        registered=WEIGHTS,
        observer=Observer(name, accumulate, I3d),
        features=lambda observation: FeatureSet.of(observation[name]),
        biased=True,
    )


FVD = _metric(NAME, "from one clip of 16 frames per video, as published")
FVD_ALL = _metric(ALL, "from all consecutive clips of 16 frames")
