"""What is said of a model is what it, its card and its numbers say."""

import json

from lcvd.app.relight.card import about


def test_facts_are_the_models_own(maker, tmp_path):
    said = about(maker.model, str(tmp_path))
    assert "64 × 64 pixels and any length, 4 frames" in said.can[0]
    assert any("is unknown" in line for line in said.cannot)
    assert (said.numbers, said.card) == ((), "")


def test_numbers_and_card_beside_the_model_are_shown(maker, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "metrics.json").write_text(
        json.dumps({"steps": 1200, "validation": {"v_mse": 0.123456, "split": "test"}})
    )
    (folder / "README.md").write_text("# Small model")
    said = about(maker.model, str(folder))
    assert said.numbers == (("steps", "1,200"), ("validation, v mse", "0.1235"))
    assert said.card == "# Small model"
    assert not any("is unknown" in line for line in said.cannot)
