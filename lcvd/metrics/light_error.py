"""LE, the distance between two spherical-harmonics lights, and the angle between their dominant directions (spec G).

The published LE estimates lights with DECA. LE(open) has the same formula, but its lights come from the open fit
(`lcvd.light.estimate`).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lcvd.face.deca import DecaCodes, encode, load_encoder
from lcvd.face.deca_crop import crops_of, warp
from lcvd.light.estimate import solve
from lcvd.light.skin_samples import LightSamples, join
from lcvd.metrics.accumulators import Collected
from lcvd.metrics.base import Array, Device, FrameWindow, Metric, Observation, Observer, Reference, VideoInfo
from lcvd.render.sh import dominant_direction
from lcvd.weights.registry import require

Lights = NDArray[np.float64]
SCALE: Lights = np.array([1.0] + [2 * np.pi / 3] * 3 + [np.pi / 4] * 5)
"""D of spec G, (9,): weight of each SH coefficient, by its order."""
DECA = "deca"
BATCH = 16
"""Number of crops per batch."""


def light_error(light: ArrayLike, target: ArrayLike) -> Lights:
    """LE of each pair of lights: mean over RGB of the norm of D times the difference (spec G).

    Args:
        light: SH coefficients (..., 9, 3), RGB last.
        target: the same, broadcast against `light`.

    Returns:
        Distances (...), at least 0.

    Raises:
        ValueError: the last axes aren't (9, 3), or a coefficient isn't finite.
    """
    difference = _checked(light) - _checked(target)
    return np.linalg.norm(SCALE[:, None] * difference, axis=-2).mean(axis=-1)


def light_angle(light: ArrayLike, target: ArrayLike) -> Lights:
    """Angle in degrees, (...), between the dominant directions of two lights (`lcvd.render.sh`).

    It is NaN if a light has no direction (its linear coefficients are zero).
    """
    first, second = (dominant_direction(_checked(each)).astype(np.float64) for each in (light, target))
    degrees = np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1.0, 1.0)))
    return np.where(first.any(axis=-1) & second.any(axis=-1), degrees, np.nan)


def _checked(light: ArrayLike) -> Lights:
    light = np.asarray(light, dtype=np.float64)
    if light.shape[-2:] != (9, 3):
        raise ValueError(f"a light has shape (..., 9, 3), found {light.shape}")
    if not np.isfinite(light).all():
        raise ValueError("a coefficient of a light isn't finite: the light fit failed")
    return light


class FittedLights:
    """Accumulates ``light`` (T, 9, 3): the light of each frame, fitted to the skin of the clip's mesh.

    Frames without a detected face are NaN, and all frames if too little skin is visible.
    """

    def __init__(self, video: VideoInfo) -> None:
        self._blocks = video.blocks()
        # Smoothing over time would hide flicker from the metric.
        self._settings = video.settings.reconstruct.light.model_copy(update={"smooth_frames": 0.0})
        self._samples: list[LightSamples] = []

    def update(self, window: FrameWindow) -> None:
        """Take the next window; it has as many frames as the next skin blocks."""
        self._samples.append(next(self._blocks).samples(window.frames))

    def finish(self) -> Observation:
        """The lights."""
        samples = join(self._samples)
        light = np.full((samples.frames, 9, 3), np.nan, np.float32)
        if len(samples.frame) >= 9:
            lit = np.unique(samples.frame)
            light[lit] = solve(samples, self._settings)[lit]
        return {"light": light}


class DecaLight:
    """Estimates lights with E_flame of the published DECA, in a crop around each frame's own landmarks (spec C1, G).

    Raises:
        MissingWeights: DECA's file isn't there.
        ModelError: the file isn't DECA's.
    """

    def __init__(self, device: Device = "cpu") -> None:
        self._device = device
        self._encoder = load_encoder(require(DECA), device)

    def __call__(self, frames: Array, landmarks: Array, present: Array) -> Array:
        """Lights (T, 9, 3) float32 of frames (T, H, W, 3) uint8 RGB, each frame on its own.

        A frame without a face is NaN. The published preprocessing uses the whole frame.

        Args:
            frames: any number of frames.
            landmarks: (T, 68, 2) or MediaPipe's (T, 478, 2 or more), in pixels.
            present: (T,) bool, whether a frame's landmarks were found.
        """
        lights = np.full((len(frames), 9, 3), np.nan, np.float32)
        found = np.flatnonzero(present)
        crops = crops_of(landmarks, present, *frames.shape[1:3])
        for at in (found[i : i + BATCH] for i in range(0, len(found), BATCH)):
            parameters = encode(self._encoder, warp(frames[at], crops[at], self._device))
            lights[at] = DecaCodes.split(parameters).light.float().cpu().numpy()
        return lights


def deca_lights(window: FrameWindow, network: DecaLight) -> Observation:
    """``deca`` (n, 9, 3): DECA's light per frame, NaN where MediaPipe finds no face."""
    return {DECA: network(window.frames, window.track.landmarks, window.track.present)}


def _by_frame(distance: Callable[[Array, Array], Array], key: str) -> Callable[[Observation, Reference], Array]:
    def per_frame(observation: Observation, reference: Reference) -> Array:
        target = reference.light
        if reference.target is not None and key in reference.target:
            target = reference.target[key][0]
        lights, values = observation[key], np.full(len(reference.present), np.nan)
        use = reference.present & np.isfinite(lights).all(axis=(1, 2))
        values[use] = distance(lights[use], target)
        return values

    return per_frame


_FIT = Observer("light", lambda _, video: FittedLights(video))
_NUMPY = ("lcvd", "numpy")
LE_OPEN = Metric(
    name="LE(open)",
    direction="lower",
    meaning="Distance between the target light and the light on the output's face. The formula is the published LE's; the "
    "light is fitted using the fitted head mesh instead of being estimated by DECA.",
    packages=_NUMPY,
    open=True,
    observer=_FIT,
    per_frame=_by_frame(light_error, "light"),
    series="light_error",
)
ANGLE = Metric(
    name="Light angle(open)",
    direction="lower",
    meaning="Angle in degrees between the dominant direction of the target light and that of the light on the output's face.",
    packages=_NUMPY,
    open=True,
    observer=_FIT,
    per_frame=_by_frame(light_angle, "light"),
    series="light_angle",
)
LE = Metric(
    name="LE",
    direction="lower",
    meaning="Distance between DECA's light estimates on the output and on the image that gives the target light (formula"
    " of NeRFFaceLighting).",
    packages=("lcvd", "numpy", "torch"),
    registered=DECA,
    observer=Observer(DECA, lambda network, _: Collected(partial(deca_lights, network=network)), DecaLight),
    per_frame=_by_frame(light_error, DECA),
    still="target",
)
