from pathlib import Path

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import DEPTH, place, project, whole_square


def codes_of(camera: np.ndarray, crop: np.ndarray, side: int) -> FaceCodes:
    count = len(camera)
    return FaceCodes(
        head="any",
        identity=np.zeros(1, np.float32),
        expression=np.zeros((count, 1), np.float32),
        pose=np.zeros((count, 6), np.float32),
        camera=camera,
        crop=crop,
        light=np.zeros((count, 9, 3), np.float32),
        square=np.array([7, 5, side], np.int32),
        confidence=np.ones(count, np.float32),
    )


@pytest.mark.golden
def test_golden_flame_projection(golden_dir: Path) -> None:
    """From the published vertices through camera and inverse crop to the picture."""
    with np.load(golden_dir / "flame.npz") as file:
        stored = dict(file)
    height, width = (int(n) for n in stored["image_hw"])
    assert height == width
    flipped = project(stored["vertices"], stored["cam"]) - [0, 0, DEPTH]
    np.testing.assert_allclose(flipped, stored["proj_flipped"], atol=3e-5)
    found = place(stored["vertices"], codes_of(stored["cam"], stored["crop_tform"], width)) - [0, 0, DEPTH]
    np.testing.assert_allclose(found, stored["image_ndc"], atol=3e-5, rtol=0)
    np.testing.assert_allclose((found[..., :2] + 1) * width / 2, stored["image_px"], atol=3e-5 * width)


def test_in_the_whole_square_a_head_lies_where_its_camera_puts_it() -> None:
    draw = np.random.default_rng(0)
    vertices, camera = draw.normal(size=(4, 9, 3)), draw.uniform(0.5, 1.5, (4, 3))
    codes = codes_of(camera, whole_square(np.array([7, 5, 333]), 4), 333)
    np.testing.assert_allclose(place(vertices, codes), project(vertices, camera), atol=1e-5)


def test_a_crop_of_the_left_upper_quarter() -> None:
    crop = np.array([[[2.24, 0, 0], [0, 2.24, 0], [0, 0, 1]]], np.float32)  # pixels 0 to 100 of a square of 200
    codes = codes_of(np.array([[1.0, 0, 0]]), crop, 200)
    corners = np.array([[[-1.0, 1, 0], [1, -1, 0], [0, 0, 0.5]]])
    np.testing.assert_allclose(place(corners, codes)[0, :, :2], [[-1, -1], [0, 0], [-0.5, -0.5]], atol=1e-6)
    assert place(corners, codes)[0, 2, 2] == pytest.approx(DEPTH - 0.5)
