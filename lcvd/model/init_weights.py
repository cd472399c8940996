"""Initial weights of a training (spec B3), named by ``train.model.start``.

``random``; ``svd-xt``, whose adapters are random; ``published``, the LCVD paper's weights; or a model: ``small``, a folder or
owner/name on a hub. The weights registry finds the files of ``svd-xt`` and ``published``.
"""

from pathlib import Path
from typing import Any

import torch

from lcvd.config.train import ImageEncoderSettings, LatentSettings, ModelSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.hub import find_model
from lcvd.model.image_token import new_image_encoder, vision_config
from lcvd.model.latents import LatentCodec, codec_of, load_codec
from lcvd.model.load import adapter_folder, load_image_encoder, load_part, read_config
from lcvd.model.parts import load_sampling
from lcvd.model.published import published_adapters, published_unet
from lcvd.model.sampling import Sampling
from lcvd.model.seeds import generator, seeded_construction
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError

RANDOM, PUBLISHED = "random", "published"
WEIGHTS = ("svd-xt", PUBLISHED)
"""Starts whose files are in the weights folder; their UNet and image encoder are SVD-XT's in shape."""
_FREE = ("sample_size", "num_frames")  # keys of the UNet's config that don't affect its weights
_VISION = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("intermediate_size", "patch_size", "projection_dim"),
)  # keys of the image encoder's config that the settings decide


def unet(settings: ModelSettings, seed: int) -> UNetSpatioTemporalConditionModel:
    """The UNet, in float32. Raises as `LCVD.fresh` does."""
    wanted = unet_config(settings)
    folder = folder_of(settings.start)
    if folder is None:
        with seeded_construction(seed, "unet"):
            return UNetSpatioTemporalConditionModel(**wanted)
    decisive = {name: value for name, value in wanted.items() if name not in _FREE}
    _compare(folder / "unet", decisive, "train.model.unet")
    if settings.start == PUBLISHED:
        found = published_unet(folder, require("lcvd"), torch.float32)
    else:
        found = load_part(UNetSpatioTemporalConditionModel, folder / "unet", torch.float32)
    found.register_to_config(**{name: wanted[name] for name in _FREE})
    return found


def adapters(settings: ModelSettings, seed: int) -> dict[str, Adapter]:
    """One adapter per condition, in float32: those of `settings.start`, and random ones for conditions that it lacks."""
    made: dict[str, Adapter] = {}
    folder, channels = folder_of(settings.start), settings.unet.channels[0]
    published = published_adapters(require("lcvd"), channels, torch.float32) if settings.start == PUBLISHED else {}
    for name in settings.conditions:
        if name in published:
            made[name] = published[name]
        elif folder and (folder / adapter_folder(name)).is_dir():
            made[name] = load_part(Adapter, folder / adapter_folder(name), torch.float32)
        else:
            # The weights drawn here are replaced, but must not advance the global generator.
            with seeded_construction(seed, "adapter"):
                adapter: Adapter = Adapter(channels)
            made[name] = adapter.reset(generator(seed, "adapter", name))
    return made


def codec(start: str, settings: LatentSettings) -> LatentCodec:
    """The latent codec: that of the model `start`, or the one that the settings name, in float32.

    Raises:
        ModelError: its number of channels isn't that of the settings.
        MissingWeights: a published autoencoder isn't installed.
    """
    folder = folder_of(start)
    if folder is None or start in WEIGHTS:
        return codec_of(settings)
    found = load_codec(folder)
    if found.channels != settings.channels:
        raise ModelError(
            f"{folder}: {found.channels} latent channels; change train.model.latents, whose {settings.autoencoder} has "
            f"{settings.channels}"
        )
    return found


def image_encoder(start: str, settings: ImageEncoderSettings, seed: int) -> CLIPVisionModelWithProjection:
    """The frozen image encoder of a `start`, in float32. Raises as `LCVD.fresh` does."""
    folder = folder_of(start)
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


def sampling(start: str) -> Sampling:
    """The sampling defaults of the model `start`; the published ones if it isn't a model."""
    folder = folder_of(start) if start not in WEIGHTS else None
    return load_sampling(folder) if folder else Sampling()


def folder_of(start: str) -> Path | None:
    """Folder of the UNet and image encoder of a start; None: they are random.

    Raises:
        MissingWeights: published weights aren't installed.
        ModelError: there is no such model.
    """
    if start == RANDOM:
        return None
    return require("svd-xt") if start in WEIGHTS else find_model(start)


def _compare(folder: Path, wanted: dict[str, Any], setting: str) -> None:
    """Raise a ModelError that names the differences if the config in `folder` isn't the expected one."""
    config = read_config(folder / "config.json")
    found = {name: tuple(value) if isinstance(value := config.get(name), list) else value for name in wanted}
    if other := [f"{name} {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise ModelError(
            f"{folder} is of another shape than the settings ask for ({'; '.join(other)}): change {setting}, or set "
            "train.model.start: random"
        )
