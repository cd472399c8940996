"""Area lights with direction, colour, strength and softness, from a point light to even light from everywhere.

An area light is a uniform spherical cap of half angle `softness * pi`, with the same irradiance as a point light. Its SH
coefficients are those of the point light, with band l multiplied by the mean of the Legendre polynomial P_l over the cap
(zonal harmonics; Funk-Hecke): 1, (1 + c) / 2 and c (1 + c) / 2, where c is the cosine of the half angle.
"""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.light.presets import ambient, lamp, point_light, preset_parts

STRONGEST = 4.0
"""Maximum strength of a lamp. Stronger lamps saturate the whole face."""


@dataclass(frozen=True)
class Lamp:
    """One lamp.

    Attributes:
        direction: towards the lamp (x right, y up, z towards the camera), of any length except 0.
        colour: R, G and B in [0, 1], display values like those of hints.
        strength: irradiance in [0, `STRONGEST`]. A surface that faces a lamp of strength 1 has a shading of about 1.
        softness: half angle of the lamp as a fraction of 180 degrees: 0 is a point, 0.5 a hemisphere, 1 the whole sphere.

    Raises:
        UsageError: a value is out of range. The message names it.
    """

    direction: tuple[float, float, float]
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    strength: float = 1.0
    softness: float = 0.0

    def __post_init__(self) -> None:
        """Reject values out of range."""
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
        """SH coefficients (9, 3) float32."""
        point = lamp(self.direction, self.colour) * self.strength
        return (point * band_shares(self.softness)[:, None]).astype(np.float32)


def band_shares(softness: float) -> Array:
    """Factors (9,) of a point light's coefficients that give those of a lamp with this `softness`."""
    edge = math.cos(math.pi * softness)
    return np.repeat([1.0, (1 + edge) / 2, edge * (1 + edge) / 2], [1, 3, 5])


def light_of(lamps: Iterable[Lamp], fill: float = 0.0) -> Array:
    """Sum of the lamps and an ambient light with shading `fill`: light (9, 3) float32, not normalised in exposure."""
    return sum((each.light for each in lamps), ambient([fill] * 3))


def lamp_of_preset(name: str) -> tuple[Lamp, float]:
    """The lamp and the fill for which `light_of` returns the preset `name`.

    Raises:
        UsageError: there is no such preset.
    """
    direction, colour, fill = preset_parts(name)
    strength = max(colour)
    tint = (colour[0] / strength, colour[1] / strength, colour[2] / strength)
    return Lamp(direction, tint, strength), fill


def turned(light: Array, yaw: float) -> Array:
    """The light (9, 3) rotated about the vertical by `yaw` degrees; positive moves light from behind the person to the image's
    right. The result is exact, because a rotation maps each SH band onto itself."""
    before, directions = _spanning_lamps()
    a = math.radians(yaw)
    x, y, z = directions.T
    after = point_light(np.stack([math.cos(a) * x - math.sin(a) * z, y, math.sin(a) * x + math.cos(a) * z], axis=-1))
    return ((np.linalg.solve(before, after).T) @ light).astype(np.float32)


@functools.cache
def _spanning_lamps() -> tuple[Array, Array]:
    """Coefficients (9, 9) of nine point lights that span all second-order lights, and their directions (9, 3)."""
    found = np.random.default_rng(0).normal(size=(9, 3))
    directions = found / np.linalg.norm(found, axis=-1, keepdims=True)
    return point_light(directions), directions
