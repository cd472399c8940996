"""What a metric is, and what it works on: windows of frames, observations, references and scores.

A video is decoded once. Each `Observer` receives its frames window by window and keeps small arrays, the observation. A
`Metric` computes its score from observations. Metrics that share an observer share its observation, so no network sees a
frame twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.face.embedding import align
from lcvd.face.track import FaceTrack, Tracker
from lcvd.light.skin_samples import SkinBlocks
from lcvd.metrics.frechet import FeatureSet
from lcvd.weights.registry import REGISTRY, weights_hash

if TYPE_CHECKING:
    import torch  # slow to import; the study's page needs only names

Device: TypeAlias = "torch.device | str"
Direction = Literal["lower", "higher", "reference"]
"""Which values are better; ``reference``: those closer to the driving video's own value."""
Observation = dict[str, Array]
"""What an accumulator keeps of one video: arrays of numbers or truth values by key."""


@dataclass
class FrameWindow:
    """Consecutive frames (n, S, S, 3) uint8 RGB of a video, from frame `start` on."""

    frames: Array
    start: int
    points: Array
    """Eyes, nose tip and mouth corners (n, 5, 2) of the fitted mesh, in pixels."""
    tracker: Callable[[], Tracker]
    """Opens the video's face tracker on the first call."""

    @cached_property
    def track(self) -> FaceTrack:
        """MediaPipe's landmarks in these frames."""
        return self.tracker().update(np.ascontiguousarray(self.frames))

    @cached_property
    def faces(self) -> Array:
        """Faces (n, 112, 112, 3) uint8 RGB, aligned by `points`."""
        return align(self.frames, self.points)


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before its first frame is decoded."""

    clip: str
    frames: int
    size: int
    """Side of the frames in pixels."""
    real: bool
    """Whether the video belongs to the real set of the Fréchet metrics."""
    settings: Settings
    blocks: Callable[[], Iterator[SkinBlocks]]
    """The skin blocks of the clip's mesh, one item per window."""


class Accumulator(Protocol):
    """Receives the frames of one video."""

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""

    def finish(self) -> Observation:
        """The observation of the whole video."""


@dataclass(frozen=True)
class Observer:
    """Makes an accumulator for every video."""

    key: str
    """One of the keys of its observations."""
    accumulate: Callable[[Any, VideoInfo], Accumulator]
    """From the opened network (None without one) and a video to a new accumulator."""
    network: Callable[[Device], Any] | None = None
    """Opens the network, before any frame is decoded. Observers with the same function share one network."""


@dataclass(frozen=True)
class Score:
    """A metric's value for one video; NaN if no frame could be measured."""

    value: float
    frames: int
    """Frames that were measured."""
    missing: int = 0
    """Frames that should have been measured, but in which no face was found."""

    @classmethod
    def mean(cls, values: Array) -> Score:
        """The mean of (T,) values per frame; NaN marks a missing frame."""
        known = values[np.isfinite(values)]
        return cls(float(known.mean()) if len(known) else float("nan"), len(known), len(values) - len(known))


@dataclass(frozen=True)
class Reference:
    """What a video of T frames is compared with."""

    driving: Observation
    """Observation of the driving video."""
    light: Array
    """Target light (9, 3), as the open light fit gives it."""
    present: Array
    """(T,) bool: whether the driving video shows a face. Light and identity aren't measured in other frames."""
    size: int
    """Side of the frames in pixels."""
    target: Observation | None = None
    """Observation of the image that gives the target light; None if no image gives it."""
    portrait: Observation | None = None
    """Cross-identity animation only: observation of the portrait, whose identity the output should match. None: use the
    driving video."""


@dataclass(frozen=True)
class Metric:
    """A metric. `score` computes a video's score; `features` does, instead, for a metric of two sets of videos."""

    name: str
    direction: Direction
    meaning: str
    """One or two sentences for the report."""
    packages: tuple[str, ...] = ("lcvd",)
    """Distributions that compute it; a record lists their versions."""
    weights: str = ""
    """File name of the network's weights."""
    sha256: str = ""
    """Hash of that file."""
    registered: str = ""
    """Name of the weights in `lcvd.weights.registry`, if the user must provide them; replaces `weights` and `sha256`."""
    open: bool = False
    """Whether it is measured by default: it needs no weights but those that `packages` contain."""
    observer: Observer | None = None
    """None: `lcvd.metrics` doesn't measure it."""
    score: Callable[[Observation, Reference], Score] | None = None
    per_frame: Callable[[Observation, Reference], Array] | None = None
    """The values (T,) of all frames, NaN where unknown. Without `score`, a video's score is their mean."""
    series: str = ""
    """Column of ``frames.csv`` for `per_frame`."""
    features: Callable[[Observation], FeatureSet] | None = None
    biased: bool = False
    """Whether the covariances of `features` are divided by N instead of N - 1 (spec K1)."""
    still: Literal["portrait", "target"] | None = None
    """The image that `score` reads too: `Reference.portrait` or `Reference.target`."""

    def hashes(self) -> tuple[str, str]:
        """File name and SHA-256 of the weights; empty if there are none or their package hides them.

        Raises:
            MissingWeights: the user must provide the file, and it isn't there.
        """
        if not self.registered:
            return self.weights, self.sha256
        [file] = [entry.file for entry in REGISTRY if entry.name == self.registered]
        return file.rpartition("/")[2], weights_hash(self.registered)

    def score_of(self, observation: Observation, reference: Reference) -> Score:
        """The score of one video."""
        if self.score:
            return self.score(observation, reference)
        assert self.per_frame, f"{self.name} has neither score nor per_frame"
        return Score.mean(self.per_frame(observation, reference))


@dataclass(frozen=True)
class VideoScores:
    """The scores of one video of `clip` under the target light named `light`.

    A video that isn't relit, such as the driving one, has one entry for each light.
    """

    clip: str
    light: str
    scores: dict[str, Score]
    """By metric."""
    sets: dict[str, FeatureSet]
    """Features by metric, for metrics of sets of videos."""
    frames: int
    per_frame: dict[str, Array]
    """The values (T,) of all frames by series, NaN where unknown."""


def mean_of(key: str) -> Callable[[Observation, Reference], Score]:
    """A `Metric.score`: the mean of the numbers under `key`."""
    return lambda observation, reference: Score(float(observation[key].mean()), len(reference.present))
