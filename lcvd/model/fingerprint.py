"""Which weights and which configuration a network has: what latents are keyed on."""

import hashlib
from typing import Any

import torch
from torch import nn

from lcvd.model.latents import LatentCodec
from lcvd.shard.latents_format import Key


def prepared_key(codec: LatentCodec, encoder: nn.Module, size: int) -> Key:
    """Key of the latents that these networks prepare at `size` px. Packing isn't part of it: it comes afterwards."""
    return Key(fingerprint(codec.autoencoder), fingerprint(encoder), size)


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over names, shapes and values of a module's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\0".encode())
        digest.update(values.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def configuration(part: Any) -> dict[str, Any]:
    """How a part of a model from diffusers or transformers is configured: its output depends on it as well as on weights and code.

    Paths and versions of packages are left out.
    """
    values = part.config.to_dict() if hasattr(part.config, "to_dict") else part.config
    return {name: value for name, value in values.items() if not name.startswith("_") and not name.endswith("_version")}
