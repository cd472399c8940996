"""Studio clips, addressed as ``studio:astronaut?seed=3&light=left``, and their ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import PRESETS, preset
from lcvd.studio import motion
from lcvd.studio.subjects import KNOWN, is_known, load_subject

MOVING, OWN = "moving", "own"
_NUMBERS = {"seed": (0, 2**31), "frames": (1, 1000), "size": (64, 1024), "fps": (5, 60)}


@dataclass(frozen=True)
class StudioClip:
    """A clip of one identity; `seed` decides the motion.

    `light` is ``moving`` (decided by the seed too) or constant: ``own`` (the light of the photograph; drawn at random
    for a computer-generated head) or the name of a preset. Clips that differ only in `light` show the same motion, so
    each is the true relighting of the other.
    """

    identity: str
    seed: int = 0
    light: str = MOVING
    frames: int = 96
    size: int = 256
    fps: int = 25

    @classmethod
    def parse(cls, address: str) -> StudioClip:
        """Parse an address ``studio:<identity>?<name>=<value>&...``; names are those of the fields.

        Raises:
            UsageError: another scheme, an unknown identity, field or light, or a value out of range. The message names
                it.
        """
        scheme, _, rest = address.partition(":")
        identity, _, query = rest.partition("?")
        if scheme != "studio" or not is_known(identity):
            raise UsageError(f"{address}: expected studio:<one of {KNOWN}>")
        fields: dict[str, Any] = {"identity": identity}
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name == "light" and value in (MOVING, OWN, *PRESETS):
                fields[name] = value
            elif name == "light":
                raise UsageError(f"{address}: light {value!r}; expected {MOVING}, {OWN}, {', '.join(PRESETS)}")
            elif name not in _NUMBERS:
                raise UsageError(f"{address}: {name!r} isn't a field; expected light, {', '.join(_NUMBERS)}")
            else:
                low, high = _NUMBERS[name]
                if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
                    raise UsageError(f"{address}: {name} is {value!r}; expected a whole number from {low} to {high}")
                fields[name] = int(value)
        return cls(**fields)

    def truth(self) -> FaceCodes:
        """Identity, expression, pose, camera and light of every frame, exactly as rendered."""
        still = load_subject(self.identity, self.size).codes
        names = load_head(still.head).expression_names
        shift = np.zeros((self.frames, 3), np.float32)
        square = np.array([0, 0, self.size], np.int32)
        shift[:, 1:] = motion.shifts(self.seed, self.frames, self.fps)
        return still.window([0] * self.frames).replace(
            pose=motion.poses(self.seed, self.frames, self.fps, still.pose[0]),
            expression=motion.expressions(self.seed, self.frames, self.fps, names, still.expression[0]),
            camera=still.camera + shift,
            light=self._lights(still),
            crop=whole_square(square, self.frames),
            square=square,
            confidence=np.ones(self.frames, np.float32),
        )

    def render(self, wanted: range | None = None) -> Iterator[tuple[Array, Array]]:
        """Windows of the frames in `wanted` (None: all), (t, S, S, 3) uint8 RGB, and true portrait masks (t, S, S)
        uint8 in {0, 255}."""
        truth = self.truth()
        return load_subject(self.identity, self.size).render(truth if wanted is None else truth.window(wanted))

    def _lights(self, still: FaceCodes) -> Array:
        if self.light == MOVING:
            return motion.lights(self.seed, self.frames, self.fps)
        light = still.light[0] if self.light == OWN else preset(self.light)
        return np.broadcast_to(light, (self.frames, 9, 3)).copy()
