"""The light that a browser sends, and its picture."""

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from lcvd.app.relight.light import SIDE, LightInput, picture_of, presets_for_page
from lcvd.light.environment import environment_light
from lcvd.light.presets import PRESETS, expose, lamp, preset

LAMP = {"direction": [0, 0, 1], "colour": "#ff8000", "strength": 2, "softness": 0}


def light(*lamps, own=None, environment=None, **more):
    return LightInput.model_validate({"lamps": lamps, "fill": 0, **more}).coefficients(own, environment)


def decoded(picture):
    whole = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert whole.shape == (SIDE, 2 * SIDE, 3)
    return whole[:, :SIDE], whole[:, SIDE:]


def test_colours_are_display_values():
    np.testing.assert_allclose(light(LAMP), lamp((0, 0, 1), (2, 2 * 128 / 255, 0)), rtol=1e-6)


def test_what_is_below_the_lamps_is_added():
    own = preset("warm-left")
    np.testing.assert_allclose(light(own=own, base="own", base_strength=0.5), own / 2, rtol=1e-6)
    radiance = np.random.default_rng(0).gamma(0.5, size=(16, 32, 3)).astype(np.float32)
    found = light(LAMP, environment=environment_light(radiance), base="map", yaw=70)
    np.testing.assert_allclose(found, light(LAMP) + expose(environment_light(radiance, 70)), atol=1e-5)


@pytest.mark.parametrize(("base", "said"), [("own", "portrait"), ("map", "environment map")])
def test_a_base_that_is_not_there_is_named(base, said):
    with pytest.raises(ValueError, match=said):
        light(base=base)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_of_the_page_is_the_preset(name):
    told = presets_for_page()[name]
    fill = told.pop("fill")
    # Colours have eight bits, and the page keeps whole degrees by itself.
    np.testing.assert_allclose(light({**told, "softness": 0}, fill=fill), preset(name), atol=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lamps": [LAMP] * 3},
        {"lamps": [{**LAMP, "strength": float("nan")}]},
        {"lamps": [{**LAMP, "strength": 100}]},
        {"lamps": [{**LAMP, "direction": [0, 0, 2]}]},
        {"lamps": [{**LAMP, "colour": "red"}]},
        {"lamps": [{**LAMP, "softness": -0.1}]},
        {"lamps": [], "base": "/etc/passwd"},
        {"lamps": [], "file": "x"},
    ],
)
def test_lights_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        LightInput.model_validate({"fill": 0, **wrong})


@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [((-1, 0, 0.2), 1, -1), ((1, 0, 0.2), 1, 1), ((0, 1, 0.2), 0, -1)]
)
def test_the_ball_is_bright_where_the_lamp_is(direction, axis, sign):
    ball, hint = decoded(picture_of(light({**LAMP, "direction": direction}), None))
    assert not hint.any()
    grey = ball[..., 0].astype(float)
    places = np.arange(SIDE) - SIDE / 2
    middle = (grey.sum(1 - axis) * places).sum() / grey.sum()
    assert sign * middle > SIDE / 8


def test_the_hint_stands_beside_the_ball_unchanged():
    made = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    given = preset("left")
    seen = []

    def under(light):
        seen.append(light)
        return made

    _, hint = decoded(picture_of(given, under))
    np.testing.assert_array_equal(hint, made)
    np.testing.assert_array_equal(seen[0], given)
