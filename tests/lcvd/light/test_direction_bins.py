"""Bins of light against directions that are known."""

import numpy as np
import pytest

from lcvd.light.direction_bins import BINS, balanced, bin_of, histogram
from lcvd.render.sh import basis, contrast, dominant_direction, shading
from lcvd.studio.clip import StudioClip


def lamp(direction: np.ndarray) -> np.ndarray:
    """The light (9, 3) whose shading is max(0, normal . direction), by least squares over the sphere."""
    normals = np.random.default_rng(0).normal(size=(20000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    wanted = np.clip(normals @ direction, 0, None)
    return np.linalg.lstsq(basis(normals), wanted, rcond=None)[0][:, None].repeat(3, 1)


def turned(azimuth: float, away: float) -> np.ndarray:
    """The direction `away` degrees from the camera, towards `azimuth` degrees from the picture's right."""
    a, b = np.radians([azimuth, away])
    return np.array([np.cos(a) * np.sin(b), np.sin(a) * np.sin(b), np.cos(b)])


@pytest.mark.parametrize(
    ("azimuth", "away", "name"),
    [
        (0, 60, "right"), (45, 60, "top right"), (100, 60, "top"), (130, 45, "top left"), (170, 80, "left"),
        (-170, 80, "left"), (-135, 60, "bottom left"), (-90, 60, "bottom"), (-30, 60, "bottom right"), (20, 20, "front"),
        (20, 120, "behind"),
    ],
)  # fmt: skip
def test_a_lamp_is_in_the_bin_of_its_direction(azimuth: float, away: float, name: str) -> None:
    light = lamp(turned(azimuth, away))
    assert float(contrast(light)) == pytest.approx(2, abs=0.05)  # of max(0, cos) the mean is 1/4, the linear band 1/2
    assert bin_of(dominant_direction(light), float(contrast(light))) == name


def test_contrast_falls_with_even_light() -> None:
    light = lamp(turned(0, 60))
    even = np.zeros((9, 3))
    even[0] = 1
    fill = 0.25 / shading(np.array([0, 0, 1.0]), even)[0]  # as bright as the lamp is on average
    assert float(contrast(light + fill * even)) == pytest.approx(1, abs=0.03)
    assert bin_of(dominant_direction(light + 20 * fill * even), float(contrast(light + 20 * fill * even))) == "even"
    assert float(contrast(np.zeros((9, 3)))) == 0
    assert bin_of(np.zeros(3), 0.0) == "even"
    assert contrast(np.stack([light, even])).shape == (2,)


def test_the_studios_lights_are_where_they_were_put() -> None:
    for seed in range(12):
        codes = StudioClip.parse(f"studio:head-0?seed={seed}&frames=2&size=64").truth()
        light = codes.light.mean(0)
        direction = dominant_direction(light)
        name = bin_of(direction, float(contrast(light)))
        x, y, z = direction
        assert name in BINS
        assert ("right" in name) <= (x > 0)
        assert ("left" in name) <= (x < 0)
        assert ("top" in name) <= (y > 0)
        assert ("bottom" in name) <= (y < 0)
        assert (name == "behind") <= (z < 0)


def test_weights_draw_bins_evenly() -> None:
    bins = ["front"] * 90 + ["left"] * 9 + ["top"]
    for strength, wanted in ((0.0, (90, 9, 1)), (0.5, (90**0.5, 9**0.5, 1)), (1.0, (1, 1, 1))):
        weights = np.array(balanced(bins, strength))
        sums = [weights[:90].sum(), weights[90:99].sum(), weights[99]]
        np.testing.assert_allclose(np.array(sums) / sum(sums), np.array(wanted) / sum(wanted))
    assert histogram(bins) == {name: {"front": 90, "left": 9, "top": 1}.get(name, 0) for name in BINS}
