"""Model folders: what is written is read back exactly, and nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lcvd.model.hub import load_model, save_model
from lcvd.model.lcvd import LCVD
from lcvd.model.parts import ModelError
from tests.lcvd.model.test_lcvd import tiny, trained


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model."""
    folder = tmp_path_factory.mktemp("hub") / "model"
    save_model(trained(LCVD.fresh(tiny(), 0)), folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_a_model_is_read_back_exactly(saved: Path) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    model, original = load_model(saved), trained(LCVD.fresh(tiny(), 0))
    assert torch.equal(before, torch.random.get_rng_state())
    state, expected = model.state_dict(), original.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert (model.size, model.frames, model.overlap) == (original.size, original.frames, original.overlap)
    assert model.codec.description == original.codec.description
    assert not any(p.requires_grad for p in model.image_encoder.parameters())


def test_same_weights_same_bytes_and_folders_of_the_hub(saved: Path, tmp_path: Path) -> None:
    save_model(load_model(saved), tmp_path / "again")
    files = {path.relative_to(saved).as_posix(): path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    again = {p.relative_to(tmp_path / "again").as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == again
    weights = "diffusion_pytorch_model.safetensors"
    alone = {"config.json", "image_encoder/config.json", "image_encoder/model.safetensors", "vae/packing.safetensors"}
    assert set(files) == alone | {
        f"{part}/{name}"
        for part in ("unet", "shading_adapter", "reference_adapter", "vae")
        for name in ("config.json", weights)
    }


@pytest.mark.parametrize("part", ["unet", "shading_adapter", "vae", "image_encoder"])
@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_a_key_too_few_or_too_many_is_an_error_that_names_file_and_key(copied: Path, part: str, change: str) -> None:
    path = next((copied / part).glob("*.safetensors"))
    tensors = load_file(path)
    key = sorted(tensors)[0]
    if change == "missing":
        del tensors[key]
    else:
        tensors[key + "_more"] = torch.zeros(1)
    save_file(tensors, path)
    with pytest.raises(ModelError, match=rf"{path}.*[\s\S]*{key}"):
        load_model(copied)


def test_what_isnt_a_model_is_named(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere/config\.json: not found"):
        load_model(tmp_path / "nowhere")
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"format": "lcvd/9"}))
    with pytest.raises(ModelError, match="format is 'lcvd/9'"):
        load_model(copied)
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelError, match="the model folder is incomplete"):
        load_model(copied)
