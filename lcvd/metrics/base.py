"""What is seen in a video, one accumulator a network: its frames go by once, in windows, and small arrays stay.

Several metrics read one observation, so no embedding is computed twice (`lcvd.metrics.readings` compares them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lcvd.config.filter import QualitySettings
from lcvd.config.reconstruct import LightSettings
from lcvd.face.embedding import align
from lcvd.face.track import FaceTrack, Tracker
from lcvd.light.estimate import solve
from lcvd.light.skin_samples import LightSamples, SkinBlocks, join
from lcvd.metrics.adjacent import adjacent_distance
from lcvd.metrics.deca_light import DecaLight
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.fvd import I3d, VideoFeatures
from lcvd.metrics.temporal import AdjacentLpips, Lpips
from lcvd.vqa.fastervqa import FasterVqa
from lcvd.vqa.fragments import plan_draws
from lcvd.vqa.score import Video, scores
from lcvd.weights.registry import ModelError

Array = NDArray[Any]
Direction = Literal["lower", "higher", "reference"]
"""Which way is better; ``reference``: closer to the driving video's own value."""
Observation = dict[str, Array]
"""What was seen in one video, by key; JSON-free arrays of numbers and truth values, so that they fit in one ``.npz``."""


@dataclass
class FrameWindow:
    """A window of a video: frames (n, S, S, 3) uint8 from frame `start` on, five face points (n, 5, 2) in each."""

    frames: Array
    start: int
    points: Array
    tracker: Tracker | None
    """None where nobody looks for landmarks."""

    @cached_property
    def track(self) -> FaceTrack:
        """MediaPipe's landmarks."""
        assert self.tracker is not None
        return self.tracker.update(np.ascontiguousarray(self.frames))

    @cached_property
    def faces(self) -> Array:
        """Aligned faces (n, 112, 112, 3)."""
        return align(self.frames, self.points)


class Accumulator(Protocol):
    """Sees one video."""

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""

    def finish(self) -> Observation:
        """What was seen."""


class OpenLight:
    """``light`` (T, 9, 3): each frame's own, over the clip's mesh; NaN where no face is known, or no skin seen at all."""

    def __init__(self, blocks: Iterator[SkinBlocks], settings: LightSettings) -> None:
        # Smoothing over time would hide flicker from the metric.
        self._blocks, self._settings = blocks, settings.model_copy(update={"smooth_frames": 0.0})
        self._samples: list[LightSamples] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window, of as many frames as the next blocks have."""
        self._samples.append(next(self._blocks).samples(window.frames))

    def finish(self) -> Observation:
        """The lights."""
        samples = join(self._samples)
        light = np.full((samples.frames, 9, 3), np.nan, np.float32)
        if len(samples.frame) >= 9:
            lit = np.unique(samples.frame)
            light[lit] = solve(samples, self._settings)[lit]
        return {"light": light}


class PerFrame:
    """`name` (T, ...): whatever `look` gives for each frame.

    Args:
        name: the observation's key, and the metric's name in errors.
        look: from a window to n rows of finite numbers.
    """

    def __init__(self, name: str, look: Callable[[FrameWindow], Array]) -> None:
        self._name, self._look = name, look
        self._rows: list[Array] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window.

        Raises:
            ModelError: a number isn't finite.
        """
        self._rows.append(_finite(self._name, self._look(window), window.start))

    def finish(self) -> Observation:
        """All rows."""
        return {self._name: np.concatenate(self._rows)}


class Moments:
    """`name`: rows of the `FeatureSet` of all frames; and, where `steps` is named, (T-1,) changes between frames."""

    def __init__(self, name: str, network: Callable[[Array], Array], steps: str = "") -> None:
        self._name, self._network, self._steps = name, network, steps
        self._set: FeatureSet | None = None
        self._changes: list[Array] = []
        self._last: Array | None = None

    def update(self, window: FrameWindow) -> None:
        """Take the next window.

        Raises:
            ModelError: a feature isn't finite.
        """
        features = _finite(self._name, self._network(window.frames), window.start)
        part = FeatureSet.of(features)
        self._set = part if self._set is None else FeatureSet.union([self._set, part])
        run = features if self._last is None else np.concatenate([self._last, features])
        if self._steps and len(run) > 1:
            self._changes.append(adjacent_distance(run))
        self._last = features[-1:]

    def finish(self) -> Observation:
        """The set's rows, and the changes."""
        assert self._set is not None, "no frames were seen"
        found = {self._name: self._set.rows}
        return found | ({self._steps: np.concatenate(self._changes)} if self._steps else {})


class Landmarks:
    """``landmarks`` (T, 478, 2) in pixels, and ``present`` (T,): MediaPipe's."""

    def __init__(self) -> None:
        self._tracks: list[FaceTrack] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        self._tracks.append(window.track)

    def finish(self) -> Observation:
        """Landmarks; rows without a face are zero."""
        points = np.concatenate([track.landmarks[..., :2] for track in self._tracks])
        return {"landmarks": points, "present": np.concatenate([track.present for track in self._tracks])}


class Points68:
    """``points68`` (T, 68, 2) in pixels, and ``present68`` (T,): face-alignment's."""

    def __init__(self, find: Callable[[Array], tuple[Array, Array]]) -> None:
        self._find = find
        self._found: list[tuple[Array, Array]] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        self._found.append(self._find(window.frames))

    def finish(self) -> Observation:
        """Landmarks; rows without a face are zero."""
        points, present = (np.concatenate(each) for each in zip(*self._found, strict=True))
        return {"points68": points, "present68": present}


class DecaLights:
    """``deca`` (T, 9, 3): DECA's light of each frame, NaN where MediaPipe finds no face to crop."""

    def __init__(self, network: DecaLight) -> None:
        self._network = network
        self._lights: list[Array] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        self._lights.append(self._network(window.frames, window.track.landmarks, window.track.present))

    def finish(self) -> Observation:
        """The lights."""
        return {"deca": np.concatenate(self._lights)}


class Changes:
    """``LPIPS`` (T-1,) between consecutive frames."""

    def __init__(self, network: Lpips) -> None:
        self._video = AdjacentLpips(network)
        self._rows: list[Array] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        self._rows.append(_finite("LPIPS", self._video.update(window.frames), window.start))

    def finish(self) -> Observation:
        """The distances."""
        return {"LPIPS": np.concatenate(self._rows)}


class Clips16:
    """`name` (k, 400): I3D's features of the clips of 16 frames that begin at `starts`."""

    def __init__(self, name: str, network: I3d, starts: list[int]) -> None:
        self._name, self._video = name, VideoFeatures(network, starts)

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        self._video.update(window.frames)

    def finish(self) -> Observation:
        """The features."""
        return {self._name: self._video.finish()}


class VideoQuality:
    """``VQ`` (1,): Faster-VQA's score. Of the frames, at most the 32 that each draw looks at are kept."""

    def __init__(self, network: FasterVqa, frames: int, size: int, settings: QualitySettings) -> None:
        self._network, self._settings, self._frames, self._size = network, settings, frames, size
        draws = plan_draws(frames, size, size, settings.sampling, settings.seed, settings.draws)
        self._wanted = {frame for draw in draws for frame in draw.frames}
        self._kept: dict[int, Array] = {}

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        inside = self._wanted & set(range(window.start, window.start + len(window.frames)))
        self._kept |= {t: window.frames[t - window.start].copy() for t in inside}

    def finish(self) -> Observation:
        """The score."""
        video = Video(self._frames, self._size, self._size, lambda at: np.stack([self._kept[t] for t in at]))
        found = np.array(scores([video], self._settings, self._network))
        self._kept = {}
        return {"VQ": _finite("VQ", found, 0)}


def _finite(name: str, rows: Array, start: int) -> Array:
    """`rows`, checked: a NaN would be averaged away, or poison a whole set."""
    bad = ~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    if bad.any():
        raise ModelError(
            f"{name}: frame {start + int(bad.argmax())} gave a number that isn't finite; check its weights"
        )
    return rows
