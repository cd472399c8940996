"""Which weights a network has: what prepared latents are keyed on."""

from __future__ import annotations

import hashlib

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
