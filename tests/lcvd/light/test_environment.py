from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from lcvd.light.environment import environment_light, load_environment, read_map
from lcvd.light.presets import ambient, lamp, preset
from lcvd.render.sh import LUMA, dominant_direction, shading

SIDE = 128


def directions(height: int = SIDE) -> np.ndarray:
    """Camera-frame directions of a map's pixel centres."""
    polar = np.pi * (np.arange(height) + 0.5)[:, None] / height
    turn = 2 * np.pi * ((np.arange(2 * height) + 0.5) / (2 * height) - 0.5)
    return np.stack(np.broadcast_arrays(np.sin(polar) * np.sin(turn), np.cos(polar), -np.sin(polar) * np.cos(turn)), -1)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=-1).astype(np.float32)


def unit(*values: float) -> np.ndarray:
    return np.array(values) / np.linalg.norm(values)


def sphere(count: int = 500) -> np.ndarray:
    normals = np.random.default_rng(1).normal(size=(count, 3))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_an_even_map_shades_with_its_radiance_everywhere() -> None:
    found = environment_light(np.broadcast_to(np.float32([0.5, 1, 2]), (16, 32, 3)))
    np.testing.assert_allclose(found, ambient((0.5, 1, 2)), atol=0.02)  # rows of 11 degrees
    found = environment_light(np.broadcast_to(np.float32([0.5, 1, 2]), (SIDE, 2 * SIDE, 3)))
    np.testing.assert_allclose(found, ambient((0.5, 1, 2)), atol=4e-4)


@pytest.mark.parametrize("axis", [unit(0, 1, 0), unit(1, 0, 0), unit(0, 0, -1), unit(-1, 2, 2)])
def test_half_a_sphere_of_light(axis: np.ndarray) -> None:
    """E / pi of the hemisphere about an axis is (1 + cos) / 2, which is of first order."""
    found = environment_light(grey(directions() @ axis > 0))
    np.testing.assert_allclose(shading(sphere(), found)[:, 0], (1 + sphere() @ axis) / 2, atol=0.01)


@pytest.mark.parametrize("axis", [unit(0, 1, 0), unit(0, 0, 1), unit(2, -1, 2)])
def test_a_cosine_lobe(axis: np.ndarray) -> None:
    """L = max(cos, 0) = 1/4 + cos/2 + 5/32 (3 cos^2 - 1) + ...; the kernel's factors are 1, 2/3, 1/4."""
    found = environment_light(grey(np.maximum(directions() @ axis, 0)))
    cosine = sphere() @ axis
    np.testing.assert_allclose(
        shading(sphere(), found)[:, 0], 1 / 4 + cosine / 3 + 5 / 128 * (3 * cosine**2 - 1), atol=1e-3
    )


@pytest.mark.parametrize(("row", "column"), [(64, 128), (20, 200), (100, 10), (64, 255)])
def test_one_bright_pixel_is_a_lamp(row: int, column: int) -> None:
    sun = np.zeros((SIDE, 2 * SIDE, 3), np.float32)
    sun[row, column] = 1000, 800, 500
    where = directions()[row, column]
    angle = np.sin(np.pi * (row + 0.5) / SIDE) * (np.pi / SIDE) ** 2
    np.testing.assert_allclose(
        environment_light(sun), lamp(where, sun[row, column] * angle / np.pi), rtol=1e-3, atol=1e-5
    )
    np.testing.assert_allclose(dominant_direction(environment_light(sun)), where, atol=1e-4)


def test_sides_of_the_map_and_yaw() -> None:
    """A lamp in the middle is behind the person; a quarter turn brings it to the right, half a turn to the camera."""
    sun = np.zeros((SIDE, 2 * SIDE, 3), np.float32)
    sun[SIDE // 2 - 1 : SIDE // 2 + 1, SIDE - 1 : SIDE + 1] = 1
    for yaw, where in ((0, (0, 0, -1)), (90, (1, 0, 0)), (180, (0, 0, 1)), (-90, (-1, 0, 0))):
        np.testing.assert_allclose(dominant_direction(environment_light(sun, yaw)), where, atol=1e-3)
    shifted = np.roll(sun, SIDE // 4, axis=1)  # to the right by an eighth of a turn
    np.testing.assert_allclose(environment_light(shifted), environment_light(sun, 45), atol=1e-6)


def test_negative_values_count_nothing_and_windows_of_rows_add_up() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0.3, 1, (50, 100, 3)).astype(np.float32)  # rows don't fill the last block
    np.testing.assert_array_equal(environment_light(values), environment_light(np.maximum(values, 0)))


@pytest.fixture
def studio_map() -> np.ndarray:
    soft = 0.2 + 3 * np.maximum(directions(64) @ unit(1, 1, 1), 0) ** 4
    return grey(soft) * np.float32([1.2, 1, 0.7])


def write(path: Path, values: np.ndarray) -> Path:
    if path.suffix == ".exr":
        OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, {"RGB": np.ascontiguousarray(values)}).write(str(path))
    else:
        assert cv2.imwrite(str(path), np.ascontiguousarray(values[..., ::-1]))
    return path


@pytest.mark.parametrize("suffix", [".hdr", ".exr"])
def test_files_are_read_and_exposed_like_presets(suffix: str, studio_map: np.ndarray, tmp_path: Path) -> None:
    path = write(tmp_path / f"studio{suffix}", studio_map)
    np.testing.assert_allclose(read_map(path), studio_map, rtol=0.01, atol=0.01)
    light = load_environment(path)
    # Twice the exposure of the photograph is the same light.
    np.testing.assert_allclose(load_environment(write(tmp_path / f"b{suffix}", 2 * studio_map)), light, rtol=0.02)
    front = sphere()[sphere()[:, 2] > 0]
    luma = np.float32(LUMA)
    brightest = [np.quantile(shading(front, each) @ luma, 0.85) for each in (light, preset("top-right"))]
    assert abs(brightest[0] - brightest[1]) < 0.15
    assert light[0, 0] / light[0, 2] == pytest.approx(1.2 / 0.7, rel=0.02)


def test_what_is_no_map_is_named(tmp_path: Path, studio_map: np.ndarray) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.hdr: no such file"):
        load_environment(tmp_path / "none.hdr")
    for name, word in (("bad.hdr", "no Radiance image"), ("bad.exr", "no OpenEXR image")):
        (tmp_path / name).write_text("nothing")
        with pytest.raises(ValueError, match=rf"{name}: {word}"):
            load_environment(tmp_path / name)
    with pytest.raises(ValueError, match=r"square\.hdr: .*twice as wide as high"):
        load_environment(write(tmp_path / "square.hdr", studio_map[:, :64]))
    holed = studio_map.copy()
    holed[3, 4] = np.nan
    with pytest.raises(ValueError, match=r"holed\.exr: 3 values aren't finite"):
        load_environment(write(tmp_path / "holed.exr", holed))
    with pytest.raises(ValueError, match=r"dark\.hdr: .*camera's side"):
        load_environment(write(tmp_path / "dark.hdr", 0 * studio_map))
    OpenEXR.File({}, {"Z": studio_map[..., 0].copy()}).write(str(tmp_path / "depth.exr"))
    with pytest.raises(ValueError, match=r"depth\.exr: channels \['Z'\]; a map needs R, G and B"):
        load_environment(tmp_path / "depth.exr")
