"""What relighting's tests share: a model that has learned nothing, a portrait, and a scratch folder for all of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.relighting.generate import Model


@pytest.fixture(scope="session")
def tiny_model() -> dict[str, Any]:
    """Settings of a model of 64 px and four frames."""
    return {
        "size": 64,
        "frames": 4,
        "overlap": 2,
        "latents": {"autoencoder": "tiny"},
        "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
        "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
    }


@pytest.fixture(scope="session")
def relight_settings(tiny_model: dict[str, Any]) -> Settings:
    return Settings.model_validate(DEMO | {"train": {"model": tiny_model}, "evaluate": {"steps": 2, "guidance": 1.5}})


@pytest.fixture(scope="session")
def model(relight_settings: Settings) -> Model:
    return replace(Model.load(LCVDPipeline.of(LCVD.fresh(relight_settings.train.model, seed=0))), name="tiny")


@pytest.fixture(scope="session")
def portrait(clips_dir: Path) -> Path:
    path = clips_dir.parent / "portraits" / "lp_d09_woman_shout.jpg"
    if not path.exists():
        pytest.skip(f"{path} isn't here")
    return path


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")
