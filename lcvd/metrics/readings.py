"""From what was seen in a video, and in what it is held against, to the video's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.metrics import adjacent, deca_light, frechet, identity, iqa
from lcvd.metrics import efficientnet as features
from lcvd.metrics import fid as inception
from lcvd.metrics import fvd as i3d
from lcvd.metrics import temporal as perceptual
from lcvd.metrics.arcface import WEIGHTS as ARCFACE
from lcvd.metrics.base import Observation
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.landmarks import pose_error
from lcvd.metrics.light_error import light_angle, light_error

Array = NDArray[Any]
LE, ANGLE, POSE, PSNR = "LE(open)", "Light angle(open)", "POSE(MediaPipe)", "PSNR(studio)"
ID, ADJ, FD = identity.NAME, adjacent.NAME, frechet.NAME
POSE68, VQ = "POSE", "VQ"
POSE_SIDE = 256
"""POSE is given in pixels of a frame this wide (spec G)."""


@dataclass(frozen=True)
class Score:
    """A metric of one video. `value` is NaN where nothing could be measured; of its frames, `frames` were, `missing`
    couldn't be though they should."""

    value: float
    frames: int
    missing: int = 0


@dataclass(frozen=True)
class Reference:
    """What a video of T frames is held against."""

    driving: Observation
    """What is seen in the input: the video that is relit or followed."""
    light: Array
    """(9, 3) asked for, in the open fit's terms."""
    present: Array
    """(T,) bool: whether the input shows a face. Where it doesn't, light and likeness mean nothing and are missing."""
    size: int
    """Side in pixels of all frames."""
    deca: Array | None = None
    """(9, 3) asked for, in DECA's terms: its estimate on the target picture. None: `light`, of a light without one."""
    portrait: Observation | None = None
    """Where the likeness is to somebody else than the input shows (animation): what is seen in the portrait."""


@dataclass(frozen=True)
class VideoScores:
    """One video of an arm, measured: `clip`, the name of the `light` it is held against, and what came of it.

    Videos without a light of their own, such as the driving one, stand here once for each light.
    """

    clip: str
    light: str
    scores: dict[str, Score]
    sets: dict[str, FeatureSet]
    """Features by metric, of those that compare sets of videos."""
    frames: int
    per_frame: dict[str, Array]
    """``light_error``, ``light_angle``, ``likeness`` (T,), NaN where unknown."""


def score_video(
    clip: str, light: str, metrics: Sequence[str], observation: Observation, reference: Reference
) -> VideoScores:
    """Everything about one video that `metrics` name and `observation` holds."""
    scores = {
        name: _reader(name)(name, observation, reference)
        for name in metrics
        if key_of_metric(name) in observation and not _is_set(name)
    }
    sets = {
        name: feature_set(name, observation) for name in metrics if _is_set(name) and key_of_metric(name) in observation
    }
    return VideoScores(clip, light, scores, sets, len(reference.present), _per_frame(observation, reference))


def feature_set(name: str, observation: Observation) -> FeatureSet:
    """The features that a Fréchet metric compares."""
    rows = observation[key_of_metric(name)]
    return FeatureSet.of(rows) if name in (i3d.NAME, i3d.ALL) else FeatureSet(rows)


def key_of_metric(name: str) -> str:
    """Key of the observation that a metric reads."""
    return _KEYS.get(name, name)


_KEYS = {
    LE: "light",
    ANGLE: "light",
    POSE: "landmarks",
    POSE68: "points68",
    deca_light.NAME: "deca",
    ADJ: "steps",
    FD: features.NAME,
}
BIASED = {FD: False, inception.NAME: False, i3d.NAME: True, i3d.ALL: True}
"""The metrics that are a distance between two sets, and whether their covariance is divided by N (spec K1)."""


def _is_set(name: str) -> bool:
    return name in BIASED


def _reader(name: str) -> Callable[[str, Observation, Reference], Score]:
    return _READERS[name.partition("(")[0] if name.startswith(("ID(", "IQ(")) else name]


def _light(_: str, observation: Observation, reference: Reference) -> Score:
    return _lights(light_error, observation["light"], reference.light, reference.present)


def _angle(_: str, observation: Observation, reference: Reference) -> Score:
    return _lights(light_angle, observation["light"], reference.light, reference.present)


def _deca(_: str, observation: Observation, reference: Reference) -> Score:
    return _lights(
        light_error,
        observation["deca"],
        reference.light if reference.deca is None else reference.deca,
        reference.present,
    )


def _lights(distance: Callable[..., Array], lights: Array, target: Array, present: Array) -> Score:
    use = present & np.isfinite(lights).all(axis=(1, 2))
    return _mean(distance(lights[use], target), len(lights))


def _likeness(name: str, observation: Observation, reference: Reference) -> Score:
    person = reference.driving if reference.portrait is None else reference.portrait
    return _mean(identity.cosine(observation[name], person[name])[reference.present], len(reference.present))


def _pose(points: str, present: str) -> Callable[[str, Observation, Reference], Score]:
    def read(_: str, observation: Observation, reference: Reference) -> Score:
        use, scale = reference.driving[present], POSE_SIDE / reference.size
        found = pose_error(
            reference.driving[points][use] * scale, observation[points][use] * scale, observation[present][use]
        )
        return Score(found.value, found.frames, found.missing)

    return read


def _plain(name: str, observation: Observation, reference: Reference) -> Score:
    return Score(float(observation[key_of_metric(name)].mean()), len(reference.present))


def _mean(values: Array, of: int) -> Score:
    known = values[np.isfinite(values)]
    return Score(float(known.mean()) if len(known) else float("nan"), len(known), of - len(known))


_READERS: dict[str, Callable[[str, Observation, Reference], Score]] = {
    LE: _light,
    ANGLE: _angle,
    deca_light.NAME: _deca,
    "ID": _likeness,
    POSE: _pose("landmarks", "present"),
    POSE68: _pose("points68", "present68"),
    ADJ: _plain,
    perceptual.NAME: _plain,
    "IQ": _plain,
    VQ: _plain,
}
OPEN = (LE, ANGLE, ID, POSE, ADJ, FD)
"""What is measured with no weights but those that packages carry."""
PUBLISHED = (deca_light.NAME, *ARCFACE, perceptual.NAME, iqa.name_of(iqa.DEFAULT), VQ, inception.NAME, i3d.NAME, i3d.ALL, POSE68)  # fmt: skip
"""The published ones; instead of ``liqe`` pyiqa's other metrics can be named too."""


def _per_frame(observation: Observation, reference: Reference) -> dict[str, Array]:
    nothing = np.full(len(reference.present), np.nan)
    error, angle = nothing.copy(), nothing.copy()
    if "light" in observation:
        use = reference.present & np.isfinite(observation["light"]).all(axis=(1, 2))
        error[use], angle[use] = (of(observation["light"][use], reference.light) for of in (light_error, light_angle))
    person = reference.driving if reference.portrait is None else reference.portrait
    likeness = identity.cosine(observation[ID], person[ID]) if ID in observation and ID in person else nothing
    return {"light_error": error, "light_angle": angle, "likeness": np.where(reference.present, likeness, np.nan)}
