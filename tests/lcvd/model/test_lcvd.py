"""The model: injection against the published code, stock behaviour, counts, batches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lcvd.config.profiles import profile
from lcvd.config.train import ModelSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import AutoencoderKL, UNetSpatioTemporalConditionModel
from lcvd.model.image_token import new_image_encoder
from lcvd.model.init_weights import unet_config
from lcvd.model.latents import LatentCodec
from lcvd.model.lcvd import LCVD
from tests.golden_rules import rule_weights

GATED = {
    "none": (),
    "ref": ("reference",),
    "light_ref": ("shading", "reference"),
    "all": ("landmark", "shading", "reference"),
}
FEATURES = {"landmark": "feat_head", "shading": "feat_light", "reference": "feat_ref"}


def tiny() -> ModelSettings:
    """A model of two small blocks."""
    return profile("demo").train.model.model_copy(
        update={
            "start": "random",
            "warp_reference": False,
            "unet": profile("demo").train.model.unet.model_copy(
                update={"channels": (32, 64), "heads": (1, 2), "layers": 1}
            ),
        }
    )


def four_channels() -> LatentCodec:
    """A codec of four latent channels, as SVD's has."""
    names = {
        kind: (f"{block}Block2D",) * 4
        for kind, block in (("down_block_types", "DownEncoder"), ("up_block_types", "UpDecoder"))
    }
    return LatentCodec(AutoencoderKL(block_out_channels=(8,) * 4, norm_num_groups=4, latent_channels=4, **names))


def inputs(model: LCVD, clips: int, frames: int = 3, side: int = 8) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random arguments of the network."""
    rng = torch.Generator().manual_seed(1)
    return (
        torch.randn(clips, frames, 2 * model.codec.channels, side, side, generator=rng),
        torch.randn(clips, generator=rng),
        torch.randn(clips, 1, model.unet.config["cross_attention_dim"], generator=rng),
        torch.randn(clips, 3, generator=rng),
    )


def pictures(clips: int, frames: int = 3, side: int = 64) -> dict[str, Tensor]:
    """Random condition images; the reference is one frame."""
    rng = torch.Generator().manual_seed(2)
    return {
        "shading": torch.rand(clips, frames, 3, side, side, generator=rng),
        "reference": torch.rand(clips, 1, 3, side, side, generator=rng) * 2 - 1,
    }


def trained(model: LCVD) -> LCVD:
    """With adapters that don't give zeros."""
    for adapter in model.adapters.values():
        torch.nn.init.normal_(adapter.final_proj.weight, std=0.2, generator=torch.Generator().manual_seed(5))
    return model


@pytest.mark.golden
def test_golden_unet_injection(golden_dir: Path) -> None:
    d = np.load(golden_dir / "unet_injection.npz")
    unet = UNetSpatioTemporalConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        block_out_channels=(32, 64),
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        cross_attention_dim=32,
        num_attention_heads=(2, 4),
        num_frames=4,
    )
    unet.load_state_dict(rule_weights(unet, int(d["seed"])), strict=True)
    keys = {key: float(tensor.double().sum()) for key, tensor in unet.state_dict().items()}
    assert set(keys) == set(d["keys"].tolist())
    np.testing.assert_allclose([keys[key] for key in d["keys"].tolist()], d["key_sums"], atol=1e-4)
    encoder = new_image_encoder(tiny().image_encoder, seed=0)
    adapters = {name: Adapter(32) for name in FEATURES}
    model = LCVD(unet, adapters, encoder, four_channels(), size=64, frames=4, overlap=2).eval()
    arguments = [torch.from_numpy(d[k]) for k in ("sample", "timestep", "encoder_hidden_states", "added_time_ids")]
    features = {name: torch.from_numpy(d[key]).unflatten(0, (2, 4)) for name, key in FEATURES.items()}
    cases = [key[4:] for key in d.files if key.startswith("out_")]
    for case in cases:
        on = {name: torch.full((2,), float(name in GATED[case])) for name in FEATURES}
        with torch.no_grad():
            gated = model(*arguments, features, on)
            left_out = model(*arguments, {name: features[name] for name in GATED[case]})
        np.testing.assert_allclose(gated.numpy(), d[f"out_{case}"], atol=1e-4, rtol=0, err_msg=case)
        assert torch.equal(gated, left_out), case


@torch.no_grad()
def test_fresh_model_is_the_stock_unet_bitwise() -> None:
    model = LCVD.fresh(tiny(), seed=0)
    stock = UNetSpatioTemporalConditionModel(**unet_config(tiny()))
    stock.load_state_dict(model.unet.state_dict(), strict=True)
    arguments = inputs(model, clips=2)
    with_adapters = model(*arguments, model.features(pictures(2)))
    assert torch.equal(with_adapters, stock.eval()(*arguments, return_dict=False)[0])
    assert torch.equal(model.unet(*arguments, return_dict=False)[0], with_adapters), "a hook was left behind"


@torch.no_grad()
def test_output_of_a_clip_is_independent_of_its_batch() -> None:
    model = trained(LCVD.fresh(tiny(), seed=0))
    arguments, shown = inputs(model, clips=3), pictures(3)
    gates = {"shading": torch.tensor([1.0, 0.0, 1.0]), "reference": torch.tensor([0.0, 1.0, 1.0])}
    together = model(*arguments, model.features(shown), gates)
    for i in range(3):
        alone = model(
            *(argument[i : i + 1] for argument in arguments),
            model.features({name: picture[i : i + 1] for name, picture in shown.items()}),
            {name: gate[i : i + 1] for name, gate in gates.items()},
        )
        torch.testing.assert_close(alone[0], together[i], atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_one_reference_frame_stands_for_all() -> None:
    model = trained(LCVD.fresh(tiny(), seed=0))
    arguments, shown = inputs(model, clips=2), pictures(2)
    once = model(*arguments, model.features(shown))
    repeated = model(*arguments, model.features(shown | {"reference": shown["reference"].expand(-1, 3, -1, -1, -1)}))
    torch.testing.assert_close(once, repeated, atol=1e-5, rtol=1e-5)
    nothing = model(*arguments, {})
    assert (once - nothing).abs().max() > 1e-3, "the adapters had no effect, so this test shows nothing"


def test_same_seed_same_weights_and_the_global_generator_is_untouched() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    a, b, c = (LCVD.fresh(tiny(), seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    assert not torch.equal(a.unet.conv_in.weight, c.unet.conv_in.weight)
    assert not torch.equal(a.image_encoder.visual_projection.weight, c.image_encoder.visual_projection.weight)


def test_full_size_counts() -> None:
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(**unet_config(profile("paper").train.model))
    state = unet.state_dict()
    assert len(state) == 1_428
    assert sum(tensor.numel() for tensor in state.values()) == 1_524_623_082


def test_only_unet_and_adapters_train() -> None:
    model = LCVD.fresh(tiny(), seed=0)
    trainable = {id(p) for p in model.trainable()}
    assert {id(p) for p in model.parameters() if p.requires_grad} == trainable
    assert not trainable & {id(p) for p in model.image_encoder.parameters()}


def test_parts_that_dont_fit_are_named() -> None:
    model = LCVD.fresh(tiny(), seed=0)
    sizes = {"size": 64, "frames": 4, "overlap": 2}
    with pytest.raises(ValueError, match=r"shading adapter gives 64 channels.* 32"):
        LCVD(model.unet, {"shading": Adapter(64)}, model.image_encoder, model.codec, **sizes)
    with pytest.raises(ValueError, match="4 channels don't fit a UNet of 32 inputs"):
        LCVD(model.unet, {}, model.image_encoder, four_channels(), **sizes)
    with pytest.raises(ValueError, match=r"no adapter for \['landmark'\]"):
        model.features({"landmark": torch.zeros(1, 1, 3, 64, 64)})
