"""Lamps against integrals over the sky that they fill, and turns against the map that is turned."""

import numpy as np
import pytest

from lcvd.light.area_lights import Lamp, band_shares, lamp_of_preset, light_of, turned
from lcvd.light.environment import environment_light
from lcvd.light.presets import PRESETS, ambient, lamp, preset
from lcvd.render.sh import shading


def sky(height: int):
    """Unit directions (H, 2H, 3) of an equirectangular map's pixels (`lcvd.light.environment`)."""
    polar = np.pi * (np.arange(height) + 0.5) / height
    around = np.pi * (np.arange(2 * height) + 0.5) / height - np.pi  # 0 in the map's middle, behind the person
    polar, around = np.meshgrid(polar, around, indexing="ij")
    return np.stack([np.sin(polar) * np.sin(around), np.cos(polar), -np.sin(polar) * np.cos(around)], axis=-1)


@pytest.mark.parametrize("softness", [0.1, 0.25, 0.5, 0.8, 1.0])
def test_a_soft_lamp_is_the_patch_of_sky_that_it_fills(softness):
    direction = np.array([0.6, 0.48, 0.64])
    inside = sky(256) @ direction >= np.cos(np.pi * softness)
    patch = environment_light(np.repeat(inside[..., None], 3, axis=-1).astype(np.float32))
    irradiance = patch[0, 0] / ambient()[0, 0]  # in shares of a white sky's mean, as the lamp's constant band has it
    made = Lamp(tuple(direction), softness=softness).light
    np.testing.assert_allclose(made / made[0, 0], patch / patch[0, 0], atol=0.01)
    assert irradiance == pytest.approx((1 - np.cos(np.pi * softness)) / 2, abs=0.005)


@pytest.mark.parametrize("softness", [0.05, 0.4, 0.9])
def test_shares_of_the_bands_are_means_of_legendre_polynomials(softness):
    t = np.linspace(np.cos(np.pi * softness), 1, 200001)
    means = [1.0, t.mean(), ((3 * t * t - 1) / 2).mean()]
    np.testing.assert_allclose(band_shares(softness), np.repeat(means, [1, 3, 5]), atol=1e-4)


def test_a_hard_lamp_is_a_point_and_the_softest_is_even():
    np.testing.assert_array_equal(Lamp((0.3, 0.2, 0.9)).light, lamp((0.3, 0.2, 0.9)))
    normals = sky(8).reshape(-1, 3)
    even = shading(normals, Lamp((0, 0, 1), softness=1).light)
    assert np.ptp(even) < 1e-6


@pytest.mark.parametrize("softness", [0.0, 0.3, 0.6])
def test_the_brightest_normal_points_to_the_lamp(softness):
    normals = sky(64).reshape(-1, 3)
    direction = np.array([-0.6, 0.0, 0.8])
    seen = shading(normals, Lamp(tuple(direction), softness=softness).light)[:, 0]
    assert normals[seen.argmax()] @ direction > 0.995


def test_strength_and_colour_scale_and_lamps_add():
    one = Lamp((1, 0, 1), (1.0, 0.5, 0.0), 2.0, 0.2)
    np.testing.assert_allclose(one.light[:, 1], one.light[:, 0] / 2)
    assert not one.light[:, 2].any()
    np.testing.assert_allclose(light_of([one, one], 0.5), 2 * one.light + ambient([0.5] * 3), rtol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_taken_apart_gives_the_preset(name):
    made, fill = lamp_of_preset(name)
    np.testing.assert_allclose(light_of([made], fill), preset(name), atol=1e-6)


@pytest.mark.parametrize("yaw", [-130.0, 0.0, 45.0, 90.0, 180.0])
def test_turning_the_light_is_turning_the_map(yaw):
    radiance = np.random.default_rng(0).gamma(0.5, size=(16, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(turned(environment_light(radiance), yaw), environment_light(radiance, yaw), atol=1e-5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"direction": (0, 0, 0)}, "direction"),
        ({"direction": (float("nan"), 0, 1)}, "direction"),
        ({"direction": (0, 0, 1), "colour": (1, 1, 2)}, "colour"),
        ({"direction": (0, 0, 1), "strength": -1}, "strength"),
        ({"direction": (0, 0, 1), "strength": float("nan")}, "strength"),
        ({"direction": (0, 0, 1), "softness": 1.1}, "softness"),
    ],
)
def test_values_out_of_range_are_named(values, said):
    with pytest.raises(ValueError, match=said):
        Lamp(**values)
