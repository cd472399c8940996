"""A scene: all that a result needs except light and model, namely face, motion and hints.

Reconstruction takes seconds per clip and is cached by content. Another light then takes milliseconds per frame.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.align import align
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel, head_of
from lcvd.face.smooth import smooth
from lcvd.relighting.light_sources import LightContext, light_from
from lcvd.relighting.media import media_of
from lcvd.relighting.motion import Motion, at_rate, driving_motion, motion_of, without_gaps
from lcvd.relighting.options import SceneRequest
from lcvd.relighting.portrait import Face, reconstruct
from lcvd.render.hints import Hints, hint_surface, shade_surface, to_uint8

LEAD = 16
"""Number of frames of a portrait clip that are reconstructed if another clip drives it."""


@dataclass(frozen=True)
class Scene:
    """A portrait and its motion; `codes` are N frames of the portrait's face with that motion."""

    portrait: Face
    motion: Motion
    codes: FaceCodes

    @property
    def frames(self) -> int:
        """Number of frames N."""
        return self.codes.frames

    @property
    def own(self) -> FaceCodes:
        """Codes of the portrait, one frame."""
        return self.portrait.codes.window([0])

    @property
    def own_motion(self) -> bool:
        """Whether the portrait is a clip with its own motion."""
        return self.motion.face is self.portrait and not self.portrait.media.still

    @property
    def head(self) -> HeadModel:
        """The head model that hints are rendered with."""
        return head_of(self.codes.head)

    def light(self, given: Any, scratch: Path, settings: Settings, yaw: float = 0.0) -> Array:
        """Lights (N, 9, 3) float32; `given` as in `light_from`."""
        driving = None if self.portrait.media.still and self.motion.face is self.portrait else self.motion.codes.light
        context = LightContext(self.frames, self.motion.fps, self.portrait.codes.light[0], driving)
        found = light_from(given, scratch, settings, yaw, context)
        return np.ascontiguousarray(np.broadcast_to(found, (self.frames, 9, 3)), np.float32)

    def hints(self, lights: Array, size: int) -> Hints:
        """The shading hints of all frames under `lights` (N, 9, 3), rendered on access."""
        return Hints(self.head, self.codes, size, lights)

    def distinct_frames(self, lights: Array) -> tuple[Array, Array]:
        """The frames to generate under `lights` (N, 9, 3).

        Returns indices (P,) of the frames that differ from the previous one in motion or light, and for each frame (N,)
        which of these P it shows. A still image under a constant light is one frame.
        """
        codes = self.codes
        parts = (codes.expression, codes.pose, codes.camera, codes.crop, lights)
        flat = np.concatenate([part.reshape(self.frames, -1) for part in parts], axis=1)
        new = np.concatenate([[True], (flat[1:] != flat[:-1]).any(1)])
        return np.flatnonzero(new), np.cumsum(new) - 1

    def preview(self, frame: int, size: int) -> Callable[[Array], Array]:
        """Rasterise a frame once; returns a function from a light (9, 3) to the hint (size, size, 3) uint8."""
        surface = hint_surface(self.head, self.codes.window([frame]), size)

        return lambda light: to_uint8(shade_surface(surface, light))[0]


def scene_of(wanted: SceneRequest, scratch: Path, settings: Settings) -> Scene:
    """Reconstruct the portrait and its motion, or read them from the cache in `scratch`.

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
    motion = dataclasses.replace(motion, codes=smooth(motion.codes, wanted.smooth))
    if wanted.fps is not None:
        motion = at_rate(motion, wanted.fps)
    motion = without_gaps(motion, wanted.no_face)
    own = motion.face is portrait
    return Scene(portrait, motion, motion.codes if own else align(portrait.codes, motion.codes, wanted.align))


def _portrait(wanted: SceneRequest, scratch: Path, settings: Settings) -> Face:
    if isinstance(wanted.portrait, Face):
        return wanted.portrait
    media = media_of(wanted.portrait, scratch)
    if wanted.driving is not None:
        part = media.between(wanted.portrait_at).beginning(LEAD)
    elif wanted.portrait_at:
        raise UsageError(
            "portrait_at: needs a driving clip; set start to choose where the portrait's own motion starts"
        )
    elif media.still and (wanted.start or wanted.end is not None):
        raise UsageError(f"{media.name}: start and end need a clip, but this is a single image")
    else:
        part = media.between(wanted.start, wanted.end)
    return reconstruct(part, scratch, settings, wanted.face)
