"""The light that a browser asks for, as coefficients; and what it looks like, on a ball and on a portrait's mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.light.area_lights import STRONGEST, Lamp, lamp_of_preset, light_of, turned
from lcvd.light.presets import PRESETS, expose
from lcvd.render.views import lit_sphere

SIDE = 256
"""Side of the ball and of the hint in pixels."""
BORDER = 1.02
"""Width of the ball's image in ball diameters; `RADIUS` in ball.js follows from it."""
LAMPS = 2
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_Number = Annotated[float, Field(ge=-1, le=1)]


class LampInput(BaseModel):
    """A lamp as the page sends it; see `lcvd.light.area_lights.Lamp`."""

    model_config = _STRICT
    direction: tuple[_Number, _Number, _Number]
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    strength: float = Field(ge=0, le=STRONGEST)
    softness: float = Field(ge=0, le=1)

    def lamp(self) -> Lamp:
        """The lamp.

        Raises:
            UsageError: a direction without length.
        """
        red, green, blue = (int(self.colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return Lamp(self.direction, (red, green, blue), self.strength, self.softness)


class LightInput(BaseModel):
    """The whole light: lamps, an even fill, and below them the portrait's own light, or an environment map's turned by
    `yaw` degrees, exposed as presets are."""

    model_config = _STRICT
    lamps: list[LampInput] = Field(max_length=LAMPS)
    fill: float = Field(ge=0, le=2)
    base: Literal["none", "own", "map"] = "none"
    base_strength: float = Field(default=1.0, ge=0, le=2)
    yaw: float = Field(default=0.0, ge=-180, le=180)

    def coefficients(self, own: Array | None, environment: Array | None) -> Array:
        """Light (9, 3) float32; `own` and `environment` (not exposed) are what `base` may name.

        Raises:
            UsageError: the base isn't there, or it lights nothing that is seen.
        """
        light = light_of([lamp.lamp() for lamp in self.lamps], self.fill)
        if self.base == "own":
            if own is None:
                raise UsageError("there is no portrait yet whose light could be kept; choose one first")
            light = light + own * self.base_strength
        if self.base == "map":
            if environment is None:
                raise UsageError("no environment map is loaded; choose an .hdr or .exr file first")
            light = light + expose(turned(environment, self.yaw)) * self.base_strength
        return np.asarray(light, np.float32)


def presets_for_page() -> dict[str, dict[str, Any]]:
    """Each preset as the page's controls: a lamp and the fill, which make just that preset's light."""
    found = {}
    for name in PRESETS:
        lamp, fill = lamp_of_preset(name)
        colour = "#" + "".join(f"{round(value * 255):02x}" for value in lamp.colour)
        length = float(np.linalg.norm(lamp.direction))
        direction = [round(value / length, 4) for value in lamp.direction]
        found[name] = {"direction": direction, "colour": colour, "strength": round(lamp.strength, 4),
                       "fill": round(fill, 4)}  # fmt: skip
    return found


def picture_of(light: Array, under: Callable[[Array], Array] | None) -> bytes:
    """PNG (SIDE, 2 SIDE): at the left a grey ball under the light (9, 3), at the right what `under` makes of it (a hint
    of side SIDE), black where there is no portrait yet."""
    whole = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
    whole[:, :SIDE] = lit_sphere(light, SIDE, BORDER, samples=1)  # one sample: a browser waits for each light
    if under is not None:
        whole[:, SIDE:] = under(light)
    # Quick compression: the picture goes to a browser that waits for it, mostly on this machine.
    return cv2.imencode(".png", whole[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
