"""The preprocessing of a model's training data: stored in its folder, compared when it is used."""

import json
import logging
from pathlib import Path

import pytest

from lcvd.config.profiles import profile
from lcvd.config.reconstruct import DecaSettings, ReconstructSettings
from lcvd.model.lcvd import LCVD
from lcvd.model.parts import load_parts, save_parts
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.trained_on import PUBLISHED, TrainedOn
from lcvd.weights.strict import ModelError

HERE = TrainedOn("open", None, 1.6, "mediapipe", "bf16")


def test_it_goes_through_a_model_folder(tmp_path: Path) -> None:
    model = LCVDPipeline.from_pretrained("small").model
    assert model.trained_on == TrainedOn("open", None, 1.6, "mediapipe", "fp32")
    model.trained_on = HERE
    save_parts(model.parts(), tmp_path)
    assert LCVD.of(load_parts(tmp_path)).trained_on == HERE
    index = tmp_path / "model_index.json"
    content = json.loads(index.read_text())
    index.write_text(json.dumps({key: value for key, value in content.items() if key != "trained_on"}))
    assert LCVD.of(load_parts(tmp_path)).trained_on == TrainedOn(), "an older folder doesn't name it"
    index.write_text(json.dumps({**content, "trained_on": {"crop": 2}}))
    with pytest.raises(ModelError, match="model_index.json: trained_on: expected some of codes, landmarks, .*'crop'"):
        load_parts(tmp_path)


def test_it_is_taken_from_the_settings_of_a_training() -> None:
    settings = profile("demo").reconstruct
    assert TrainedOn.of(settings, "fp32") == TrainedOn("open", None, 1.6, "mediapipe", "fp32")
    deca = settings.model_copy(
        update={"codes": "deca", "deca": DecaSettings(landmarks="face-alignment"), "mask": "u2net-compat"}
    )
    found = TrainedOn.of(deca, "fp16")
    assert (found.codes, found.landmarks, found.mask) == (PUBLISHED.codes, PUBLISHED.landmarks, PUBLISHED.mask)


def test_the_published_model_gets_the_preprocessing_that_it_expects() -> None:
    found = PUBLISHED.applied(ReconstructSettings())
    assert (found.codes, found.deca.landmarks, found.mask) == ("deca", "face-alignment", "u2net-compat")
    assert found.crop_scale == ReconstructSettings().crop_scale
    assert TrainedOn().applied(ReconstructSettings()) == ReconstructSettings()


def test_hints_of_another_head_are_refused_and_other_differences_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ModelError, match="lcvd: reconstruct.codes is open, the model's training data had deca.*params"):
        PUBLISHED.check(ReconstructSettings(), "lcvd")
    with caplog.at_level(logging.WARNING):
        HERE.check(ReconstructSettings(), "mine")
        assert not caplog.messages
        HERE.check(ReconstructSettings(crop_scale=2.0), "mine")
        PUBLISHED.check(ReconstructSettings(codes="deca", mask="u2net-compat"), "lcvd")
    assert "crop_scale is 2.0, the model's training data had 1.6; expect a worse result" in caplog.text
    assert "deca.landmarks is mediapipe, the model's training data had face-alignment" in caplog.text
