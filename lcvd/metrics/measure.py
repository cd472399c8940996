"""Measure one video against the driving clip it was made from; what is found fits in small arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import LightSettings, TrackSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.embedding import embed
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel
from lcvd.face.track import FaceTrack, Tracker
from lcvd.metrics.adjacent import adjacent_distance
from lcvd.metrics.features import FeatureExtractor
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.identity import TARGETS, align, cosine
from lcvd.metrics.pose import PoseError, pose_error
from lcvd.shading.hints import WINDOW, surfaces_of
from lcvd.shading.light import fit_light

Array = NDArray[Any]
POSE_SIDE = 256
"""POSE is given in pixels of a frame this wide (spec G)."""


@dataclass(frozen=True)
class Measured:
    """What was found in one video of T frames: light (T, 9, 3), likeness (T,), pose, steps (T-1,), features."""

    light: Array
    likeness: Array
    pose: PoseError
    steps: Array
    features: FeatureSet


class Meter:
    """Measures videos of one driving clip over that clip's known mesh; what the clip itself gives is found once."""

    def __init__(
        self,
        head: HeadModel,
        codes: FaceCodes,
        driving: Array,
        extract: FeatureExtractor,
        light: LightSettings,
        track: TrackSettings,
    ) -> None:
        """Take the clip: `codes` of T frames, and the frames `driving` (T, S, S, 3) uint8 themselves.

        Raises:
            ValueError: codes and frames differ in number, or there are fewer than two.
        """
        if codes.frames != len(driving) or len(driving) < 2:
            raise ValueError(
                f"{codes.frames} frames of codes and {len(driving)} of video; both need the same, at least 2"
            )
        # Smoothing over time would hide flicker from the metric.
        self._light, self._track_settings = light.model_copy(update={"smooth_frames": 0.0}), track
        self._extract = extract
        self._points = five_points(head, codes, driving.shape[1])
        parts = [(s.normals.astype(np.float16), s.alpha) for _, s in surfaces_of(head, codes, driving.shape[1], WINDOW)]
        self._normals, self._skin = (np.concatenate(each) for each in zip(*parts, strict=True))
        self._truth = self._track(driving)
        self._faces = self._embed(driving)

    def measure(self, frames: Array) -> Measured:
        """Everything about a video (T, S, S, 3) uint8 that goes with the clip frame by frame."""
        features = self._extract(frames)
        return Measured(
            light=self.light(frames),
            likeness=cosine(self._embed(frames), self._faces),
            pose=self._pose(frames),
            steps=adjacent_distance(features),
            features=FeatureSet.of(features),
        )

    def light(self, frames: Array) -> Array:
        """The light (T, 9, 3) found on the frames over the mesh, each frame's own."""
        return fit_light(frames, self._normals, self._skin, self._light)

    def _embed(self, frames: Array) -> Array:
        faces = align(frames, self._points)
        return embed(faces, np.broadcast_to(TARGETS, (len(faces), *TARGETS.shape)))

    def _track(self, frames: Array) -> FaceTrack:
        tracker = Tracker(self._track_settings)
        tracker.update(frames)
        return tracker.finish()

    def _pose(self, frames: Array) -> PoseError:
        """Over the frames whose driving frame shows MediaPipe a face (spec K8)."""
        found, use = self._track(frames), self._truth.present
        scale = POSE_SIDE / frames.shape[1]
        truth, predicted = (track.landmarks[use, :, :2] * scale for track in (self._truth, found))
        return pose_error(truth, predicted, found.present[use])


def five_points(head: HeadModel, codes: FaceCodes, size: int) -> Array:
    """Eyes, nose tip and mouth corners (T, 5, 2) of the fitted mesh in a size x size picture.

    In OpenCV's pixels, whose centres have integer coordinates; the model square's NDC has them at i + 0.5.
    """
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    points = head.five_points(place(vertices, codes))[..., :2]
    return (points + 1) / 2 * size - 0.5
