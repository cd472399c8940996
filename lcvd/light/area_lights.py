"""Lamps that a hand sets: a direction, a colour, a strength, and how soft, from a point to even light from everywhere.

A soft lamp is a cap of the sky, even over all directions within `softness * pi` of its middle, of the same irradiance as
the point. Its coefficients are the point's, each band l times the mean of the Legendre polynomial P_l over the cap
(zonal harmonics; Funk-Hecke): with c the cosine of the cap's edge, 1, (1 + c) / 2 and c (1 + c) / 2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.light.presets import ambient, lamp, point_light, preset_parts

STRONGEST = 4.0
"""Largest strength that a lamp takes: nothing of a face keeps its shape under more."""


@dataclass(frozen=True)
class Lamp:
    """One lamp.

    Attributes:
        direction: where it is, (x right, y up, z to the camera), of any length but 0.
        colour: R, G and B in [0, 1], display values, as hints are.
        strength: irradiance, in [0, `STRONGEST`]; what faces a lamp of strength 1 is shaded with about 1.
        softness: half the angle that it fills, in shares of 180 degrees: 0 a point, 0.5 half the sky, 1 all around.

    Raises:
        UsageError: a value out of range; it is named.
    """

    direction: tuple[float, float, float]
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    strength: float = 1.0
    softness: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        length = math.sqrt(sum(value * value for value in self.direction))
        if not 1e-6 < length < 1e6:
            raise UsageError(f"direction: expected a length above 0, got {self.direction}")
        if not all(0 <= value <= 1 for value in self.colour):
            raise UsageError(f"colour: expected three values from 0 to 1, got {self.colour}")
        if not 0 <= self.strength <= STRONGEST:
            raise UsageError(f"strength: expected 0 to {STRONGEST:g}, got {self.strength:g}")
        if not 0 <= self.softness <= 1:
            raise UsageError(f"softness: expected 0 to 1, got {self.softness:g}")

    @property
    def light(self) -> Array:
        """Its coefficients (9, 3) float32."""
        point = lamp(self.direction, self.colour) * self.strength
        return (point * band_shares(self.softness)[:, None]).astype(np.float32)


def band_shares(softness: float) -> Array:
    """What a lamp of this `softness` keeps of a point's nine coefficients, (9,)."""
    edge = math.cos(math.pi * softness)
    return np.repeat([1.0, (1 + edge) / 2, edge * (1 + edge) / 2], [1, 3, 5])


def light_of(lamps: Iterable[Lamp], fill: float = 0.0) -> Array:
    """All lamps together and an even fill that shades with `fill` everywhere: light (9, 3) float32, not exposed."""
    return sum((each.light for each in lamps), ambient([fill] * 3))


def lamp_of_preset(name: str) -> tuple[Lamp, float]:
    """The lamp and the fill whose `light_of` is the preset of that name.

    Raises:
        UsageError: no preset has that name.
    """
    direction, colour, fill = preset_parts(name)
    strength = max(colour)
    tint = (colour[0] / strength, colour[1] / strength, colour[2] / strength)
    return Lamp(direction, tint, strength), fill


def turned(light: Array, yaw: float) -> Array:
    """The light (9, 3) of surroundings turned by `yaw` degrees about the vertical; positive moves what is behind the
    person to the picture's right. Exact: a turn maps each band onto itself."""
    before, directions = _frame()
    a = math.radians(yaw)
    x, y, z = directions.T
    after = point_light(np.stack([math.cos(a) * x - math.sin(a) * z, y, math.sin(a) * x + math.cos(a) * z], axis=-1))
    return ((np.linalg.solve(before, after).T) @ light).astype(np.float32)


@functools.cache
def _frame() -> tuple[Array, Array]:
    """Coefficients (9, 9) of nine point lamps that span all lights of second order, and their directions (9, 3)."""
    found = np.random.default_rng(0).normal(size=(9, 3))
    directions = found / np.linalg.norm(found, axis=-1, keepdims=True)
    return point_light(directions), directions
