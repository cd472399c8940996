"""What a run needs: named by the setting, with licence, address and path of each weights file."""

from pathlib import Path

import pytest

from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.evaluate.needs import missing, needs


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_demo_needs_no_weights() -> None:
    assert not [need for need in needs(profile("demo")) if need.text.startswith("weights")]


def test_the_paper_names_each_file_with_licence_and_place(no_weights: Path) -> None:
    lines = [line for line in missing(profile("paper")) if "weights" in line]
    settings = ["filter.quality.metric: fastervqa", "train.model.start: svd-xt", "train.model.latents.autoencoder"]
    assert [line.startswith(setting) for line, setting in zip(lines, settings, strict=True)] == [True] * 3
    assert f"(Stability AI community licence, gated) -> {no_weights}/svd-xt" in lines[1]
    (no_weights / "svd-xt").mkdir()
    assert not any("svd-xt" in line for line in missing(profile("paper")))


def test_each_choice_of_published_parts_is_named() -> None:
    values = profile("paper").model_dump(mode="json")
    values["reconstruct"] |= {"codes": "deca", "mask": "u2net-compat"}
    values["train"]["model"]["start"] = "published"
    values["evaluate"] |= {"published": ["FID", "ID(ArcFace-r50)"], "methods": ["dpr"]}
    found = "\n".join(missing(Settings.model_validate(values)))
    names = "deca flame flame-masks u2net-human svd-xt lcvd sd-vae-ft-mse inception-v3 arcface-r50 dpr"
    assert all(f"needs weights {name}: https://" in found for name in names.split())
