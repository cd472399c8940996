from pathlib import Path

import numpy as np
import pytest

from lcvd.light.presets import PRESETS, ambient, expose, lamp, load_light, orbit, preset, save_light
from lcvd.render.sh import ALBEDO, dominant_direction, shading


def hemisphere(count: int = 4000) -> np.ndarray:
    normals = np.random.default_rng(0).normal(size=(count, 3))
    normals[:, 2] = np.abs(normals[:, 2])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_a_lamp_is_the_clamped_cosine_to_second_order() -> None:
    """Ramamoorthi and Hanrahan: 1/4 + cos/2 + 5/32 (3 cos^2 - 1)."""
    normals = hemisphere()
    direction = np.array([0.48, -0.6, 0.64])
    cosine = normals @ direction
    wanted = 0.25 + 0.5 * cosine + 5 / 32 * (3 * cosine**2 - 1)
    np.testing.assert_allclose(shading(normals, lamp(direction))[:, 0], wanted, atol=1e-5)
    assert np.abs(wanted - np.maximum(cosine, 0)).mean() < 0.06


def test_ambient_is_even() -> None:
    np.testing.assert_allclose(shading(hemisphere(), ambient((0.5, 1, 2))), [[0.5, 1, 2]] * 4000, atol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_positive_and_not_blown_out(name: str) -> None:
    values = ALBEDO * shading(hemisphere(), preset(name))
    assert values.min() > 0.02
    assert (values > 1).mean() < 0.05
    assert 0.35 < values.mean() < 0.7


def test_names_mean_the_image_side() -> None:
    for name, axis, sign in (("left", 0, -1), ("right", 0, 1), ("top", 1, 1), ("bottom", 1, -1), ("front", 2, 1)):
        direction = dominant_direction(preset(name))
        assert np.argmax(np.abs(direction)) == axis
        assert np.sign(direction[axis]) == sign
    warm, cool = preset("warm-left"), preset("cool-right")
    assert warm[1, 0] / warm[1, 2] > 1.5
    assert cool[1, 2] / cool[1, 0] > 1.3


def test_orbit_turns_once() -> None:
    lights = orbit(8)
    directions = dominant_direction(lights)
    assert lights.shape == (8, 9, 3)
    assert directions[0, 1] > 0.8
    assert directions[2, 0] > 0.8
    assert directions[4, 1] < -0.8
    with pytest.raises(ValueError, match="at least one light"):
        orbit(0)


def test_files_round_trip(tmp_path: Path) -> None:
    for light in (preset("top"), orbit(3)):
        save_light(tmp_path / "light.json", light)
        np.testing.assert_allclose(load_light(tmp_path / "light.json"), light, atol=1e-6)
        np.save(tmp_path / "light.npy", light)
        np.testing.assert_array_equal(load_light(tmp_path / "light.npy"), light)


def test_bad_lights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'lefft' doesn't exist; choose one of front, left"):
        preset("lefft")
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        load_light(tmp_path / "none.json")
    for text in ("{}", "[[1, 2], [3, 4]]", "no json", '{"light": [[1, 2, "x"]]}', "[1, [2]]"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match=r"bad\.json: no light"):
            load_light(tmp_path / "bad.json")
    (tmp_path / "bad.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"bad\.npy: no light"):
        load_light(tmp_path / "bad.npy")
    with pytest.raises(ValueError, match="finite length"):
        lamp((0, 0, 0))
    with pytest.raises(ValueError, match="camera's side"):
        expose(-lamp((0, 0, 1)))
