import numpy as np
import pytest
import torch

from lcvd.face.deca import DecaCodes, DecaEncoder, load_encoder
from lcvd.face.deca_crop import crops_of, warp
from lcvd.metrics.light_error import SCALE, DecaLight, light_angle, light_error
from lcvd.weights.registry import MissingWeights
from tests.golden_rules import deca_exceptions, rule_weights

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (3, 80, 96, 3), dtype=np.uint8)
LANDMARKS = RNG.uniform(20, 70, (3, 68, 2)).astype(np.float32)


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


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "deca").mkdir()
    return tmp_path / "deca"


def test_each_frame_has_its_own_light_and_none_without_a_face(folder):
    torch.save({"E_flame": rule_weights(DecaEncoder(), 0, deca_exceptions)}, folder / "deca_model.tar")
    present = np.array([True, False, True])
    found = DecaLight()(FRAMES, LANDMARKS, present)
    assert found.shape == (3, 9, 3)
    assert np.isnan(found[1]).all()
    encoder = load_encoder(folder / "deca_model.tar")
    crops = warp(FRAMES, crops_of(LANDMARKS, present, 80, 96))
    with torch.inference_mode():
        expected = DecaCodes.split(encoder(crops)).light.numpy()
    np.testing.assert_allclose(found[present], expected[present], atol=1e-4, rtol=1e-4)
    assert np.isnan(DecaLight()(FRAMES, LANDMARKS, np.zeros(3, bool))).all()


def test_without_deca_there_is_no_published_light(folder):
    with pytest.raises(MissingWeights, match=r"deca_model\.tar"):
        DecaLight()
