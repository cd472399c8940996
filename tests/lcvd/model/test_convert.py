"""Published files to a model folder and back: the same tensors, nothing missing, nothing run."""

import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from lcvd.cli.main import cli
from lcvd.model.adapter import Adapter
from lcvd.model.conditioning import Conditioning
from lcvd.model.convert import convert
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.hub import INDEX
from lcvd.model.image_token import new_image_encoder
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.published import ADAPTER_FILES
from lcvd.model.sampling import Sampling
from lcvd.weights.strict import ModelError
from tests.golden_rules import rule_weights
from tests.lcvd.model.test_lcvd import four_channels, tiny

WIDTH = 32


def small_unet() -> UNetSpatioTemporalConditionModel:
    """SVD's UNet with two narrow blocks."""
    return UNetSpatioTemporalConditionModel(
        sample_size=8,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        block_out_channels=(WIDTH, 64),
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        cross_attention_dim=32,
        num_attention_heads=(2, 4),
        num_frames=4,
        layers_per_block=1,
    )


@pytest.fixture
def published(tmp_path: Path) -> dict[str, Path]:
    """Folders in the published layouts: ``svd``, ``vae``, ``lcvd``; weights by a rule."""
    folders = {name: tmp_path / name for name in ("svd", "vae", "lcvd")}
    unet = small_unet()
    unet.load_state_dict(rule_weights(unet, 1))
    unet.save_pretrained(folders["svd"] / "unet")
    encoder = tiny().image_encoder.model_copy(update={"projection": 32})
    new_image_encoder(encoder, 0).save_pretrained(folders["svd"] / "image_encoder")
    four_channels().autoencoder.save_pretrained(folders["vae"])
    folders["lcvd"].mkdir()
    torch.save(rule_weights(small_unet(), 2), folders["lcvd"] / "unet.pth")
    for seed, file in enumerate(ADAPTER_FILES.values()):
        torch.save(rule_weights(Adapter(WIDTH), seed), folders["lcvd"] / file)
    return folders


def test_published_files_are_read_back_tensor_for_tensor(published: dict[str, Path], tmp_path: Path) -> None:
    names = convert(published["svd"], published["vae"], tmp_path / "out", lcvd=published["lcvd"], size=64)
    assert names == ["shading", "reference", "landmark"]
    model = LCVDPipeline.from_pretrained(tmp_path / "out").model
    for module, expected in [
        (model.unet, rule_weights(small_unet(), 2)),
        *[(model.adapters[name], rule_weights(Adapter(WIDTH), seed)) for seed, name in enumerate(ADAPTER_FILES)],
        (model.codec.autoencoder, four_channels().autoencoder.state_dict() | torch_state(published["vae"])),
    ]:
        state = module.state_dict()
        assert list(state) == list(expected)
        assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert (model.size, model.frames, model.overlap) == (64, 16, 6)


def torch_state(folder: Path) -> dict[str, torch.Tensor]:
    """Tensors of a diffusers folder."""
    from safetensors.torch import load_file

    return load_file(folder / "diffusion_pytorch_model.safetensors")


def test_without_published_files_a_start_for_training_is_made(published: dict[str, Path], tmp_path: Path) -> None:
    assert convert(published["svd"], published["vae"], tmp_path / "out", size=64) == ["shading", "reference"]
    model = LCVDPipeline.from_pretrained(tmp_path / "out").model
    expected = rule_weights(small_unet(), 1)
    assert all(torch.equal(tensor, expected[key]) for key, tensor in model.unet.state_dict().items())
    assert not any(adapter.final_proj.weight.any() for adapter in model.adapters.values())


def test_the_command_line_converts_and_the_pipeline_runs(published: dict[str, Path], tmp_path: Path) -> None:
    words = [f"--{name}={folder}" for name, folder in published.items()]
    done = CliRunner().invoke(
        cli, ["convert", *words, "-o", str(tmp_path / "out"), "--size", "64", "--precision", "bf16"]
    )
    assert "adapters for shading, reference, landmark" in done.output, done.output
    pipe = LCVDPipeline.from_pretrained(tmp_path / "out")
    assert pipe.sampling == Sampling(guidance=4.5, likeness=1.0, recipe="published", steps=25)
    assert json.loads((tmp_path / "out" / INDEX).read_text())["sampling"] == asdict(pipe.sampling)
    pipe.set_progress_bar_config(disable=True)
    picture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    frames = pipe(Conditioning(picture, picture[0], picture, picture[None]), generator=0, steps=1).frames
    assert frames.shape == (1, 64, 64, 3)


@pytest.mark.parametrize("file", ["unet.pth", *ADAPTER_FILES.values()])
def test_a_key_too_few_and_one_too_many_are_listed(published: dict[str, Path], tmp_path: Path, file: str) -> None:
    path = published["lcvd"] / file
    state = torch.load(path, weights_only=True)
    key = sorted(state)[0]
    state["extra.weight"] = state.pop(key)
    torch.save(state, path)
    with pytest.raises(ModelError, match=rf"{path}: .*1 missing \({key}\); 1 unexpected \(extra\.weight\)"):
        convert(published["svd"], published["vae"], tmp_path / "out", lcvd=published["lcvd"])


class Evil:
    """Unpickles to a command."""

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/lcvd-was-here",)


def test_what_isnt_a_checkpoint_is_refused_and_nothing_in_it_runs(published: dict[str, Path], tmp_path: Path) -> None:
    path = published["lcvd"] / "unet.pth"
    marker = Path("/tmp/lcvd-was-here")
    marker.unlink(missing_ok=True)

    def run() -> None:
        convert(published["svd"], published["vae"], tmp_path / "out", lcvd=published["lcvd"])

    torch.save({"conv_in.weight": Evil()}, path)
    with pytest.raises(ModelError, match=rf"{path}: not a checkpoint of tensors only"):
        run()
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match=rf"{path}: not a checkpoint of tensors only"):
        run()
    torch.save([1, 2], path)
    with pytest.raises(ModelError, match="expected a state dict of tensors, found list"):
        run()
    path.unlink()
    with pytest.raises(ModelError, match=rf"{path}: not found"):
        run()
    assert not marker.exists()
