from pathlib import Path

import numpy as np
import pytest

from lcvd.render.sh import CONSTANTS, basis, check_light, dominant_direction, shade_images, shading


@pytest.mark.golden
def test_golden_shading_basis(golden_dir: Path) -> None:
    stored = np.load(golden_dir / "shading.npz")
    np.testing.assert_allclose(basis(stored["sh_normals"]), stored["sh_basis"], atol=3e-7)
    np.testing.assert_allclose(CONSTANTS, stored["sh_constants"], atol=1e-7)
    np.testing.assert_allclose(shading(stored["sh_normals"], stored["sh_light"]), stored["sh_shading"], atol=2e-6)


def test_closed_forms() -> None:
    """Spec J5."""
    ambient, frontal, curved = np.zeros((3, 9, 3))
    ambient[0], frontal[3], curved[8] = 1, 1, 1
    anywhere = np.random.default_rng(0).normal(size=(50, 3))
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    np.testing.assert_allclose(shading(anywhere, ambient), 0.2820948, atol=1e-6)
    np.testing.assert_allclose(shading(np.array([0, 0, 1.0]), frontal), 1.0233267, atol=1e-6)
    np.testing.assert_allclose(shading(np.array([0, 0, 1.0]), curved), 0.4954159, atol=1e-6)


def test_images_equal_the_formula() -> None:
    random = np.random.default_rng(1)
    normals, light = random.normal(size=(3, 8, 9, 3)), random.normal(size=(3, 9, 3))
    alpha = random.uniform(size=(3, 8, 9)) < 0.5
    drawn = shade_images(normals, alpha, light, 0.7)
    for t in range(3):
        wanted = 0.7 * shading(normals[t], light[t]) * alpha[t][..., None]
        np.testing.assert_allclose(drawn[t], wanted, atol=1e-4)


def test_dominant_direction() -> None:
    light = np.zeros((9, 3))
    light[1:4] = np.array([0.6, 0, 0.8])[:, None] * [2, 1, 0.5]
    np.testing.assert_allclose(dominant_direction(light), [0.6, 0, 0.8], atol=1e-6)
    np.testing.assert_allclose(dominant_direction(np.zeros((4, 9, 3))), 0)


def test_bad_lights_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(9, 3\)"):
        check_light(np.zeros((3, 9)))
    with pytest.raises(ValueError, match="finite"):
        check_light(np.full((9, 3), np.nan))
