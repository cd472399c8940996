"""Initial weights of a training (spec B3): random, those of the included model, or SVD-XT's.

The weights registry finds ``svd-xt``.
"""

from pathlib import Path
from typing import Any

import torch

from lcvd.config.train import ImageEncoderSettings, ModelSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.hub import SMALL, find_model
from lcvd.model.image_token import new_image_encoder, vision_config
from lcvd.model.load import adapter_folder, load_image_encoder, load_part, read_config
from lcvd.model.seeds import generator, seeded_construction
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError

_FREE = ("sample_size", "num_frames")  # keys of the UNet's config that don't affect its weights
_VISION = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("intermediate_size", "patch_size", "projection_dim"),
)  # keys of the image encoder's config that the settings decide


def unet(settings: ModelSettings, seed: int) -> UNetSpatioTemporalConditionModel:
    """The UNet, in float32. Raises as `LCVD.fresh` does."""
    wanted = unet_config(settings)
    folder = _folder(settings.start)
    if folder is None:
        with seeded_construction(seed, "unet"):
            return UNetSpatioTemporalConditionModel(**wanted)
    decisive = {name: value for name, value in wanted.items() if name not in _FREE}
    _compare(folder / "unet", decisive, "train.model.unet")
    found = load_part(UNetSpatioTemporalConditionModel, folder / "unet", torch.float32)
    found.register_to_config(**{name: wanted[name] for name in _FREE})
    return found


def adapters(settings: ModelSettings, seed: int) -> dict[str, Adapter]:
    """One adapter per condition, in float32. They are random unless `settings.start` has adapters."""
    made: dict[str, Adapter] = {}
    for name in settings.conditions:
        if settings.start == SMALL:
            made[name] = load_part(Adapter, find_model(SMALL) / adapter_folder(name), torch.float32)
        else:
            # The weights drawn here are replaced, but must not advance the global generator.
            with seeded_construction(seed, "adapter"):
                adapter: Adapter = Adapter(settings.unet.channels[0])
            made[name] = adapter.reset(generator(seed, "adapter", name))
    return made


def image_encoder(start: str, settings: ImageEncoderSettings, seed: int) -> CLIPVisionModelWithProjection:
    """The frozen image encoder of a `start`, in float32. Raises as `LCVD.fresh` does."""
    folder = _folder(start)
    if folder is None:
        return new_image_encoder(settings, seed)
    wanted = vision_config(settings)
    _compare(folder / "image_encoder", {name: getattr(wanted, name) for name in _VISION}, "train.model.image_encoder")
    return load_image_encoder(folder / "image_encoder", torch.float32)


def unet_config(settings: ModelSettings) -> dict[str, Any]:
    """Arguments of `UNetSpatioTemporalConditionModel`; the defaults of `settings` give SVD-XT's (spec A1)."""
    blocks = len(settings.unet.channels)
    return {
        "sample_size": settings.size // 8,
        "in_channels": 2 * settings.latents.channels,
        "out_channels": settings.latents.channels,
        "down_block_types": ("CrossAttnDownBlockSpatioTemporal",) * (blocks - 1) + ("DownBlockSpatioTemporal",),
        "up_block_types": ("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * (blocks - 1),
        "block_out_channels": settings.unet.channels,
        "num_attention_heads": settings.unet.heads,
        "layers_per_block": settings.unet.layers,
        "cross_attention_dim": settings.image_encoder.projection,
        "addition_time_embed_dim": settings.unet.time_ids_dim,
        "projection_class_embeddings_input_dim": 3 * settings.unet.time_ids_dim,
        "num_frames": settings.frames,
    }


def _folder(start: str) -> Path | None:
    """Folder of the UNet and image encoder of a start; None: they are random."""
    if start == "random":
        return None
    return find_model(SMALL) if start == SMALL else require(start)


def _compare(folder: Path, wanted: dict[str, Any], setting: str) -> None:
    """Raise a ModelError that names the differences if the config in `folder` isn't the expected one."""
    config = read_config(folder / "config.json")
    found = {name: tuple(value) if isinstance(value := config.get(name), list) else value for name in wanted}
    if other := [f"{name} {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise ModelError(
            f"{folder} is of another shape than the settings ask for ({'; '.join(other)}): change {setting}, or set "
            "train.model.start: random"
        )
