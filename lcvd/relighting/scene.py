"""Everything about a video to be made except its light and its model: face, motion, hints under any light.

Reconstructing takes seconds a clip and is kept by content; after that, another light costs milliseconds a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel, head_of
from lcvd.relighting.light_sources import LightContext, light_from
from lcvd.relighting.media import media_of
from lcvd.relighting.motion import Motion, at_rate, calmed, driving_motion, motion_of, without_gaps
from lcvd.relighting.options import SceneRequest
from lcvd.relighting.portrait import Face, reconstruct
from lcvd.render.hints import Hints, shade_surface, surface_of, to_uint8

Array = NDArray[Any]
LEAD = 16
"""Frames of a portrait clip that its identity is found from, when something else drives it."""


@dataclass(frozen=True)
class Scene:
    """A portrait and the motion that it follows: N frames of `codes`, the portrait's face."""

    portrait: Face
    motion: Motion
    codes: FaceCodes

    @property
    def frames(self) -> int:
        """Number of frames N."""
        return self.codes.frames

    @property
    def own(self) -> FaceCodes:
        """Codes of the portrait itself, one frame."""
        return self.portrait.codes.window([0])

    @property
    def own_motion(self) -> bool:
        """Whether the portrait is a clip that is relit as it moves."""
        return self.motion.face is self.portrait and not self.portrait.media.still

    @property
    def head(self) -> HeadModel:
        """The head that hints are rendered of."""
        return head_of(self.codes.head)

    def light(self, given: Any, scratch: Path, settings: Settings, yaw: float = 0.0) -> Array:
        """Lights (N, 9, 3) float32 of whatever names one, see `light_from`."""
        driving = None if self.portrait.media.still and self.motion.face is self.portrait else self.motion.codes.light
        context = LightContext(self.frames, self.motion.fps, self.portrait.codes.light[0], driving)
        found = light_from(given, scratch, settings, yaw, context)
        return np.ascontiguousarray(np.broadcast_to(found, (self.frames, 9, 3)), np.float32)

    def hints(self, lights: Array, size: int) -> Hints:
        """The shading hints of all frames under `lights` (N, 9, 3), rendered when they are asked for."""
        return Hints(self.head, self.codes, size, lights)

    def distinct_frames(self, lights: Array) -> tuple[Array, Array]:
        """The frames to generate under `lights` (N, 9, 3): indices (P,) of frames that differ from the previous one in motion or
        light, and which of these P each frame shows (N,). A still image under a constant light is one frame."""
        codes = self.codes
        parts = (codes.expression, codes.pose, codes.camera, codes.crop, lights)
        flat = np.concatenate([part.reshape(self.frames, -1) for part in parts], axis=1)
        new = np.concatenate([[True], (flat[1:] != flat[:-1]).any(1)])
        return np.flatnonzero(new), np.cumsum(new) - 1

    def preview(self, frame: int, size: int) -> Callable[[Array], Array]:
        """A frame's hint for any light: takes (9, 3), gives (size, size, 3) uint8. Its mesh is rasterised here, once."""
        seen, head = self.codes.window([frame]), self.head
        vertices = head.vertices(seen.identity, seen.expression, seen.pose)
        surface = surface_of(vertices, place(vertices, seen), head.hint_faces, size, head.hint_weights)

        def under(light: Array) -> Array:
            hint: Array = to_uint8(shade_surface(surface, light))[0]
            return hint

        return under


def scene_of(wanted: SceneRequest, scratch: Path, settings: Settings) -> Scene:
    """Reconstruct what is wanted, or find it below `scratch`.

    Raises:
        ClipError, ValueError, TypeError: see `media_of`, `reconstruct`, `driving_motion`, `align`, `without_gaps`.
    """
    portrait = _portrait(wanted, scratch, settings)
    if wanted.driving is None:
        motion = motion_of(portrait)
    elif isinstance(wanted.driving, Motion):
        motion = wanted.driving
    else:
        motion = driving_motion(wanted.driving, scratch, settings, number=wanted.drive_face, start=wanted.start,
                                end=wanted.end, fps=wanted.fps)  # fmt: skip
    motion = calmed(motion, wanted.smooth)
    if wanted.fps is not None:
        motion = at_rate(motion, wanted.fps)
    motion = without_gaps(motion, wanted.no_face)
    return Scene(portrait, motion, motion.of(portrait, wanted.align))


def _portrait(wanted: SceneRequest, scratch: Path, settings: Settings) -> Face:
    if isinstance(wanted.portrait, Face):
        return wanted.portrait
    media = media_of(wanted.portrait, scratch)
    if wanted.driving is not None:
        part = media.between(wanted.portrait_at).beginning(LEAD)
    else:
        if wanted.portrait_at:
            raise UsageError("portrait_at: a clip with its own motion starts at start; the two don't go together")
        if media.still and (wanted.start or wanted.end is not None):
            raise UsageError(f"{media.name}: start and end are seconds of a clip, and this is one picture")
        part = media.between(wanted.start, wanted.end)
    return reconstruct(part, scratch, settings, wanted.face)
