import numpy as np
import pytest
import torch

from lcvd.face.deca import DecaCodes, DecaEncoder, load_encoder
from lcvd.face.deca_crop import crops_of, warp
from lcvd.metrics.deca_light import DecaLight
from lcvd.weights.registry import MissingWeights
from tests.golden_rules import deca_exceptions, rule_weights

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (3, 80, 96, 3), dtype=np.uint8)
LANDMARKS = RNG.uniform(20, 70, (3, 68, 2)).astype(np.float32)


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
