"""Training starts from the weights that the settings name, and refuses those of another shape by the setting."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lcvd.config.profiles import profile
from lcvd.config.train import LatentSettings, ModelSettings
from lcvd.errors import UsageError
from lcvd.model import init_weights
from lcvd.model.adapter import Adapter
from lcvd.model.fingerprint import fingerprint
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.hub import find_model
from lcvd.model.image_token import new_image_encoder
from lcvd.model.init_weights import unet_config
from lcvd.model.latents import codec_of
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.published import ADAPTER_FILES
from lcvd.model.sampling import Sampling
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from tests.golden_rules import rule_weights
from tests.lcvd.model.test_lcvd import tiny


def asking(start: str, base: ModelSettings, **changed: Any) -> ModelSettings:
    return ModelSettings.model_validate(base.model_dump() | {"start": start} | changed)


def demo() -> ModelSettings:
    return profile("demo").train.model


def same(module: torch.nn.Module, file: Path) -> bool:
    wanted = load_file(file)
    return all(torch.equal(value, wanted[key].float()) for key, value in module.state_dict().items() if key in wanted)


def test_small_starts_from_the_model_that_comes_along() -> None:
    model = LCVD.fresh(asking("small", demo()), seed=3)
    folder = find_model("small")
    assert same(model.unet, folder / "unet" / "diffusion_pytorch_model.safetensors")
    assert same(model.image_encoder, folder / "image_encoder" / "model.safetensors")
    for name, adapter in model.adapters.items():
        assert same(adapter, folder / f"{name}_adapter" / "diffusion_pytorch_model.safetensors")
        assert any(parameter.abs().max() > 0 for parameter in adapter.parameters())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in model.trainable())
    assert model.sampling == Sampling(1.0, 2.0, "default", 25), "it is sampled as the model it starts from"
    assert LCVD.fresh(demo().model_copy(update={"start": "random"}), seed=3).sampling == Sampling()


def test_its_autoencoder_is_the_one_that_prepares_latents() -> None:
    found = LCVDPipeline.from_pretrained("small").model.codec
    assert fingerprint(found) == fingerprint(codec_of(demo().latents))


def test_another_length_of_window_changes_no_weight() -> None:
    model = LCVD.fresh(asking("small", demo(), frames=5, overlap=2, size=64), seed=0)
    assert (model.unet.config["num_frames"], model.frames, model.size) == (5, 5, 64)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"unet": {"channels": (32, 64), "heads": (1, 2), "layers": 1, "time_ids_dim": 32}}, r"block_out_channels .*train\.model\.unet"),
        ({"image_encoder": {"width": 32, "layers": 2, "heads": 2, "mlp": 128, "patch": 32, "projection": 64}}, r"hidden_size 64, not 32.*train\.model\.image_encoder"),
    ],
)  # fmt: skip
def test_another_shape_is_refused_by_the_setting(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=f"{named}.*or set train.model.start: random"):
        LCVD.fresh(asking("small", demo(), **changed), seed=0)


@pytest.fixture
def svd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files in SVD-XT's layout, of a small model's shape, where published weights are looked for."""
    folder, settings = tmp_path / "svd-xt", tiny()
    unet = UNetSpatioTemporalConditionModel(**unet_config(settings) | {"num_frames": 25, "sample_size": 96})
    unet.load_state_dict(rule_weights(unet, 1))
    unet.half().save_pretrained(folder / "unet", variant="fp16")
    new_image_encoder(settings.image_encoder, 5).save_pretrained(folder / "image_encoder")
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    return folder


def test_svd_gives_unet_and_image_encoder_and_the_adapters_start_at_zero(svd: Path) -> None:
    model = LCVD.fresh(asking("svd-xt", tiny()), seed=0)
    assert same(model.unet, svd / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    assert same(model.image_encoder, svd / "image_encoder" / "model.safetensors")
    picture = torch.randn(1, 3, 64, 64)
    for adapter in model.adapters.values():
        assert isinstance(adapter, Adapter)
        assert not adapter(picture).any()


def test_without_svds_files_it_says_where_they_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"svd-xt are missing at .*svd-xt.*put them there"):
        LCVD.fresh(asking("svd-xt", tiny()), seed=0)


def test_a_model_folder_gives_all_its_parts_and_conditions_that_it_lacks_start_at_zero(tmp_path: Path) -> None:
    source = LCVD.fresh(asking("small", demo()), seed=3)
    with torch.no_grad():
        source.unet.conv_in.bias += 1
    LCVDPipeline.of(source).save_pretrained(tmp_path / "mine")
    model = LCVD.fresh(asking(str(tmp_path / "mine"), demo()), seed=0)
    assert fingerprint(model) == fingerprint(source)
    assert model.sampling == source.sampling
    shutil.rmtree(tmp_path / "mine/reference_adapter")
    assert (
        not LCVD.fresh(asking(str(tmp_path / "mine"), demo()), seed=0)
        .adapters["reference"](torch.randn(1, 3, 64, 64))
        .any()
    )
    with pytest.raises(ModelError, match="nothing here: no such folder; name one"):
        LCVD.fresh(asking("nothing here", demo()), seed=0)
    other = demo().model_dump()["latents"] | {"autoencoder": "sd-vae-ft-mse"}
    with pytest.raises(ModelError, match="16 latent channels; change train.model.latents"):
        init_weights.codec(str(tmp_path / "mine"), LatentSettings(**other))


def test_published_is_the_papers_unet_and_adapters(svd: Path) -> None:
    folder, settings = svd.parent / "lcvd", tiny()
    folder.mkdir()
    unet = UNetSpatioTemporalConditionModel(**unet_config(settings))
    torch.save(rule_weights(unet, 7), folder / "unet.pth")
    adapters = {
        name: rule_weights(Adapter(settings.unet.channels[0]), seed) for seed, name in enumerate(settings.conditions)
    }
    for name, weights in adapters.items():
        torch.save(weights, folder / ADAPTER_FILES[name])
    model = LCVD.fresh(asking("published", settings), seed=0)
    for module, weights in [
        (model.unet, rule_weights(unet, 7)),
        *((model.adapters[n], w) for n, w in adapters.items()),
    ]:
        assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("parts", "inside", "outside"),
    [
        (["adapters"], "adapters.shading.", "unet."),
        (["reference"], "adapters.reference.", "adapters.shading."),
        (["temporal"], "unet.mid_block.resnets.0.temporal_res_block.", "unet.mid_block.resnets.0.spatial_res_block."),
        (["unet.up_blocks", "shading"], "unet.up_blocks.", "unet.down_blocks."),
    ],
)
def test_only_the_named_parts_are_trained(parts: list[str], inside: str, outside: str) -> None:
    model = LCVD.fresh(demo().model_copy(update={"start": "random"}), seed=0)
    model.train_only(parts)
    named = dict(model.named_parameters())
    assert all(p.requires_grad for name, p in named.items() if name.startswith(inside))
    assert not any(p.requires_grad for name, p in named.items() if name.startswith(outside))
    assert 0 < len(model.trainable()) < len([*model.unet.parameters(), *model.adapters.parameters()])
    with pytest.raises(UsageError, match="train.trained: no parameter of the model belongs to 'unet.up'"):
        model.train_only(["unet.up"])


def test_the_paper_starts_from_svd() -> None:
    assert profile("paper").train.model.start == "svd-xt"
