"""Write and read a model as a folder of parts, each with its own config and safetensors, the layout of model hubs.

config.json                       size, frames, overlap, conditions
unet/                             config.json, diffusion_pytorch_model.safetensors
<condition>_adapter/              the same, for each condition
vae/                              the same, the autoencoder of the latents; packing.safetensors where it packs them
image_encoder/                    config.json, model.safetensors
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import torch

from lcvd.model.adapter import Adapter
from lcvd.model.latents import load_codec
from lcvd.model.lcvd import LCVD
from lcvd.model.networks import CLIPVisionConfig, CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.parts import ONE_FILE, WEIGHTS, ModelError, load_weights, read_config
from lcvd.model.seeds import seeded_construction

FORMAT = "lcvd/2"


def save_model(model: LCVD, folder: Path) -> None:
    """Write `model` below `folder`, which may exist. The same weights give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format": FORMAT,
        "size": model.size,
        "frames": model.frames,
        "overlap": model.overlap,
        "conditions": list(model.adapters),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    model.unet.save_pretrained(folder / "unet", max_shard_size=ONE_FILE)
    for name, adapter in model.adapters.items():
        cast(Adapter, adapter).save_pretrained(folder / f"{name}_adapter", max_shard_size=ONE_FILE)
    model.codec.save(folder / "vae")
    model.image_encoder.save_pretrained(folder / "image_encoder", max_shard_size=ONE_FILE)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes files that only their owner may read


def load_model(folder: Path | str, device: torch.device | str = "cpu") -> LCVD:
    """The model in `folder`, in evaluation mode. Every key must be there, and none besides.

    Raises:
        ModelError: the folder isn't a model, or a part's keys or shapes don't fit its config.
    """
    folder = Path(folder)
    config = read_config(folder / "config.json")
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / 'config.json'}: format is {config.get('format')!r}, this version reads {FORMAT!r}")
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel.from_config(read_config(folder / "unet" / "config.json"))
        adapters = {
            name: Adapter.from_config(read_config(folder / f"{name}_adapter" / "config.json"))
            for name in config["conditions"]
        }
    with seeded_construction(0, "image_encoder"):
        encoder = CLIPVisionModelWithProjection(
            CLIPVisionConfig(**read_config(folder / "image_encoder" / "config.json"))
        )
    load_weights(unet, folder / "unet" / WEIGHTS)
    for name, adapter in adapters.items():
        load_weights(adapter, folder / f"{name}_adapter" / WEIGHTS)
    load_weights(encoder, folder / "image_encoder" / "model.safetensors")
    sizes = {key: int(config[key]) for key in ("size", "frames", "overlap")}
    encoder.requires_grad_(False)
    return LCVD(unet, adapters, encoder, load_codec(folder / "vae"), **sizes).to(device).eval()
