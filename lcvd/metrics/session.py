"""The networks behind the metrics that are asked for: opened once, before anything is decoded, and shared by all videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any

import torch

from lcvd.config.filter import QualitySettings, TrackSettings
from lcvd.config.reconstruct import LightSettings
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.deca_crop import FaceAlignment
from lcvd.face.embedding import embed_aligned
from lcvd.light.skin_samples import SkinBlocks
from lcvd.metrics import base as see
from lcvd.metrics import deca_light, identity
from lcvd.metrics import efficientnet as features
from lcvd.metrics import fid as inception
from lcvd.metrics import fvd as i3d
from lcvd.metrics import temporal as perceptual
from lcvd.metrics.arcface import WEIGHTS as ARCFACE
from lcvd.metrics.arcface import ArcFace
from lcvd.metrics.base import Accumulator, Array, FrameWindow
from lcvd.metrics.efficientnet import FeatureExtractor
from lcvd.metrics.extras import no_download, package
from lcvd.metrics.iqa import Iqa
from lcvd.metrics.readings import ADJ, OPEN, POSE68, PUBLISHED, VQ, key_of_metric
from lcvd.model.seeds import seed_of
from lcvd.vqa.score import open_network


class MetricSession:
    """Opens what `metrics` need.

    Args:
        metrics: names as in `lcvd.metrics.readings` (`OPEN`, `PUBLISHED`, and any ``IQ(name)`` of pyiqa).
        settings: how faces are tracked and light is fitted, Faster-VQA's sampling, the seed.
        device: where networks lie.

    Raises:
        UsageError: there is no such metric.
        MissingWeights: a published file isn't there: which, its licence and its place are named.
        ImportError: a package isn't installed.
        ModelError: a file isn't what it should be.
    """

    def __init__(self, metrics: Sequence[str], settings: Settings, device: torch.device | str = "cpu") -> None:
        self.metrics = tuple(dict.fromkeys(metrics))
        for name in self.metrics:
            if name not in (*OPEN, *PUBLISHED) and not _is_iq(name):
                known = ", ".join((*OPEN, *PUBLISHED))
                raise UsageError(f"metric {name!r} doesn't exist; there are {known}, and IQ(...) for pyiqa's others")
        self.track: TrackSettings = settings.filter.track
        self.light: LightSettings = settings.reconstruct.light
        self._quality: QualitySettings = settings.filter.quality
        self._seed = settings.seed
        self._networks: dict[str, Any] = {}
        for name in self.metrics:
            key = _network_of(name)
            if key in _OPENERS and key not in self._networks:
                self._networks[key] = _OPENERS[key](device)
            elif _is_iq(name):
                self._networks[name] = Iqa(name[3:-1], device)

    def only(self, metrics: Sequence[str]) -> MetricSession:
        """The same networks for some of the metrics."""
        part = copy(self)
        part.metrics = tuple(metrics)
        return part

    def network(self, key: str) -> Any:
        """An open network, such as ``deca``, or None where no metric needs it."""
        return self._networks.get(key)

    def accumulators(
        self, clip: str, frames: int, size: int, blocks: Callable[[], Iterator[SkinBlocks]], real: bool
    ) -> list[Accumulator]:
        """Observers of one video of `clip`, of so many frames of `size` px; `real`: it is one of the real set."""
        found: list[Accumulator] = []
        for key in dict.fromkeys(_observed_by(name) for name in self.metrics):
            if key == "light":
                found.append(see.OpenLight(blocks(), self.light))
            elif key == features.NAME:
                found.append(see.Moments(key, self._networks[key], "steps"))
            elif key == VQ:
                found.append(see.VideoQuality(self._networks[VQ], frames, size, self._quality))
            elif key in (i3d.NAME, i3d.ALL):
                starts = i3d.clip_starts(key, frames, real, seed_of(self._seed, "fvd", clip))
                found.append(see.Clips16(key, self._networks[i3d.NAME], starts))
            else:
                found.append(self._plain(key))
        return found

    def _plain(self, key: str) -> Accumulator:
        if key == "landmarks":
            return see.Landmarks()
        network = self._networks[key]
        if key == "points68":
            return see.Points68(network)
        if key == "deca":
            return see.DecaLights(network)
        if key == perceptual.NAME:
            return see.Changes(network)
        if key == inception.NAME:
            return see.Moments(key, network)
        looked = _faces if key in (identity.NAME, *ARCFACE) else _frames
        return see.PerFrame(key, lambda window: network(looked(window)))


def _faces(window: FrameWindow) -> Array:
    return window.faces


def _frames(window: FrameWindow) -> Array:
    return window.frames


def _points68(device: torch.device | str) -> FaceAlignment:
    package("face_alignment", POSE68)
    with no_download(POSE68):
        return FaceAlignment(str(device))


def _is_iq(name: str) -> bool:
    return name.startswith("IQ(") and name.endswith(")")


def _observed_by(name: str) -> str:
    return features.NAME if name == ADJ else key_of_metric(name)


def _network_of(name: str) -> str:
    return i3d.NAME if name == i3d.ALL else _observed_by(name)


_OPENERS: dict[str, Callable[[Any], Any]] = {
    features.NAME: FeatureExtractor,
    identity.NAME: lambda device: embed_aligned,
    "points68": _points68,
    "deca": deca_light.DecaLight,
    perceptual.NAME: perceptual.Lpips,
    inception.NAME: inception.Inception,
    i3d.NAME: i3d.I3d,
    VQ: lambda device: open_network(),
    **{name: partial(ArcFace, name) for name in ARCFACE},
}
