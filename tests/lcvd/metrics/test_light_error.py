import numpy as np
import pytest

from lcvd.metrics.light_error import SCALE, light_angle, light_error


@pytest.mark.golden
def test_golden_metrics_light_error(golden_dir):
    golden = np.load(golden_dir / "metrics.npz")
    each = light_error(golden["light_a"], golden["light_b"])
    np.testing.assert_allclose(SCALE, golden["LE_D"], atol=1e-6)
    np.testing.assert_allclose(each, golden["LE_each"], atol=1e-6)
    assert each.mean() == pytest.approx(float(golden["LE"]), abs=1e-6)


def test_equal_lights_have_no_error_and_one_target_serves_all_frames():
    lights = np.random.default_rng(0).normal(size=(4, 9, 3))
    assert light_error(lights, lights).tolist() == [0, 0, 0, 0]
    assert light_error(lights, lights[0]).shape == (4,)


def test_a_quarter_turn_of_the_key_light_is_ninety_degrees():
    left, top = np.zeros((2, 9, 3))
    left[1], top[2] = -1, 2
    assert light_angle(left, top) == pytest.approx(90)
    assert light_angle(left, -left) == pytest.approx(180)
    assert np.isnan(light_angle(np.zeros((9, 3)), top))


def test_bad_lights_are_named():
    with pytest.raises(ValueError, match=r"\(3, 9\)"):
        light_error(np.zeros((3, 9)), np.zeros((9, 3)))
    with pytest.raises(ValueError, match="finite"):
        light_error(np.full((9, 3), np.nan), np.zeros((9, 3)))
