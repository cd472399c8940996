"""Write and read a model as a folder of parts, each with its own config and safetensors, the layout of model hubs.

config.json                       size, frames, overlap, conditions, latents
unet/                             config.json, diffusion_pytorch_model.safetensors
<condition>_adapter/              the same, for each condition
image_encoder/                    config.json, model.safetensors
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import nn

from lcvd.model.adapter import Adapter
from lcvd.model.latents import codec_from
from lcvd.model.lcvd import LCVD
from lcvd.model.networks import CLIPVisionConfig, CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.seeds import seeded_construction

FORMAT = "lcvd/1"
WEIGHTS = "diffusion_pytorch_model.safetensors"
ONE_FILE = "1TB"


class ModelError(ValueError):
    """A model folder can't be used; the message names the file and what is wrong with it."""


def save_model(model: LCVD, folder: Path) -> None:
    """Write `model` below `folder`, which may exist. The same weights give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format": FORMAT,
        "size": model.size,
        "frames": model.frames,
        "overlap": model.overlap,
        "conditions": list(model.adapters),
        "latents": model.codec.config(),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    model.unet.save_pretrained(folder / "unet", max_shard_size=ONE_FILE)
    for name, adapter in model.adapters.items():
        cast(Adapter, adapter).save_pretrained(folder / f"{name}_adapter", max_shard_size=ONE_FILE)
    model.image_encoder.save_pretrained(folder / "image_encoder", max_shard_size=ONE_FILE)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes files that only their owner may read


def load_model(folder: Path | str, device: torch.device | str = "cpu") -> LCVD:
    """The model in `folder`, in evaluation mode. Every key must be there, and none besides.

    Raises:
        ModelError: the folder isn't a model, or a part's keys or shapes don't fit its config.
    """
    folder = Path(folder)
    config = _json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / 'config.json'}: format is {config.get('format')!r}, this version reads {FORMAT!r}")
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel.from_config(_json(folder / "unet" / "config.json"))
        adapters = {
            name: Adapter.from_config(_json(folder / f"{name}_adapter" / "config.json"))
            for name in config["conditions"]
        }
    with seeded_construction(0, "image_encoder"):
        encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**_json(folder / "image_encoder" / "config.json")))
    _load(unet, folder / "unet" / WEIGHTS)
    for name, adapter in adapters.items():
        _load(adapter, folder / f"{name}_adapter" / WEIGHTS)
    _load(encoder, folder / "image_encoder" / "model.safetensors")
    sizes = {key: int(config[key]) for key in ("size", "frames", "overlap")}
    encoder.requires_grad_(False)
    return LCVD(unet, adapters, encoder, codec_from(config["latents"]), **sizes).to(device).eval()


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: not found; name a folder that training wrote (data/train/model)") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from None


def _load(module: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: not found; the model folder is incomplete")
    try:
        module.load_state_dict(load_file(path), strict=True, assign=True)
    except RuntimeError as error:
        raise ModelError(f"{path}: its tensors don't fit its config.json: {error}") from None
