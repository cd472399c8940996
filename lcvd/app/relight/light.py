"""Convert the page's light controls to SH coefficients, and render the light on a ball and on the portrait's mesh."""

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
"""Side of the images of ball and hint in pixels."""
BORDER = 1.02
"""Width of the ball's image in ball diameters; `RADIUS` in ball.js depends on it."""
LAMPS = 2
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_Number = Annotated[float, Field(ge=-1, le=1)]


class LampInput(BaseModel):
    """A lamp as sent by the page; see `lcvd.light.area_lights.Lamp`."""

    model_config = _STRICT
    direction: tuple[_Number, _Number, _Number]
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    strength: float = Field(ge=0, le=STRONGEST)
    softness: float = Field(ge=0, le=1)

    def lamp(self) -> Lamp:
        """The lamp with its colour as numbers.

        Raises:
            UsageError: the direction has no length.
        """
        red, green, blue = (int(self.colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return Lamp(self.direction, (red, green, blue), self.strength, self.softness)


class LightInput(BaseModel):
    """The light as sent by the page: lamps, ambient fill, and a base light.

    The base light is the portrait's own light, or an environment map rotated by `yaw` degrees and exposed like presets.
    """

    model_config = _STRICT
    lamps: list[LampInput] = Field(max_length=LAMPS)
    fill: float = Field(ge=0, le=2)
    base: Literal["none", "own", "map"] = "none"
    base_strength: float = Field(default=1.0, ge=0, le=2)
    yaw: float = Field(default=0.0, ge=-180, le=180)

    def coefficients(self, own: Array | None, environment: Array | None) -> Array:
        """SH coefficients (9, 3) float32. `own` and `environment` (not exposed) are the choices for `base`.

        Raises:
            UsageError: the base light is missing, or lights nothing visible.
        """
        light = light_of([lamp.lamp() for lamp in self.lamps], self.fill)
        if self.base == "own":
            if own is None:
                raise UsageError("there is no portrait whose light can be used; choose one first")
            light = light + own * self.base_strength
        if self.base == "map":
            if environment is None:
                raise UsageError("no environment map is loaded; choose an .hdr or .exr file first")
            light = light + expose(turned(environment, self.yaw)) * self.base_strength
        return np.asarray(light, np.float32)


def presets_for_page() -> dict[str, dict[str, Any]]:
    """The settings of the page's controls, a lamp and the ambient fill, that reproduce each preset."""
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
    """PNG of SIDE x 2 SIDE pixels: left, a grey ball under the light (9, 3); right, the hint that `under` renders, or
    black without a portrait."""
    whole = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
    whole[:, :SIDE] = lit_sphere(light, SIDE, BORDER, samples=1)  # one sample, because latency matters
    if under is not None:
        whole[:, SIDE:] = under(light)
    # Fast compression: latency matters, and most browsers are on this machine.
    return cv2.imencode(".png", whole[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
