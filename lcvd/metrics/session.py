"""The opened networks of a set of metrics, shared by all videos that are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, Literal

from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.metrics.base import Accumulator, Device, Observer, VideoInfo
from lcvd.metrics.registry import METRICS


class MetricSession:
    """Opens the networks of `metrics`, before any video is decoded.

    Args:
        metrics: names as in `lcvd.metrics.registry.METRICS`.
        settings: settings of face tracking, light fit and Faster-VQA, and the seed.
        device: device of the networks.

    Raises:
        UsageError: there is no such metric, or it can't be measured on a video alone.
        MissingWeights: the user must provide the weights; the message names file, licence, address and place.
        ImportError: a package isn't installed.
        ModelError: a file has other weights than it should.
    """

    def __init__(self, metrics: Iterable[str], settings: Settings, device: Device = "cpu") -> None:
        self.metrics = tuple(dict.fromkeys(metrics))
        self.settings = settings
        self._networks: dict[Callable[[Device], Any], Any] = {}
        for observer in self._observers():
            if observer.network and observer.network not in self._networks:
                self._networks[observer.network] = observer.network(device)

    def only(self, metrics: Iterable[str]) -> MetricSession:
        """The same networks for some of the metrics."""
        part = copy(self)
        part.metrics = tuple(metrics)
        return part

    def observing(self, still: Literal["portrait", "target"]) -> MetricSession:
        """The same networks for the metrics that observe that image too (`Metric.still`)."""
        return self.only(name for name in self.metrics if METRICS.get(name).still == still)

    def accumulators(self, video: VideoInfo) -> list[Accumulator]:
        """New accumulators for one video; metrics with the same observer share one."""
        return [
            each.accumulate(self._networks[each.network] if each.network else None, video) for each in self._observers()
        ]

    def provenance(self) -> dict[str, Any]:
        """Weights, and the installed package if it isn't this project, of each metric: part of cache keys."""
        return {name: [*METRICS.get(name).hashes(), METRICS.package(name)] for name in self.metrics}

    def _observers(self) -> list[Observer]:
        found: dict[str, Observer] = {}
        for name in self.metrics:
            observer = METRICS.get(name).observer
            if observer is None:
                raise UsageError(f"metric {name!r} can't be measured on a video alone")
            if found.setdefault(observer.key, observer) is not observer:
                raise UsageError(f"metric {name!r}: another metric's observer has the key {observer.key!r} too")
        return list(found.values())
