"""The rules by which the golden numbers' weights and inputs are made (golden/README.md, section 1)."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def draws(tag: str) -> np.random.RandomState:
    """A fresh generator for one tag."""
    return np.random.RandomState(zlib.crc32(tag.encode()))


def rule_weights(module: nn.Module, seed: int, gain_4d: float = 1.0) -> dict[str, torch.Tensor]:
    """A state dict by the common rule; `gain_4d` multiplies convolution weights."""
    owners = dict(module.named_modules())
    state = {}
    for key, tensor in module.state_dict().items():
        x = draws(f"{seed}:{key}").standard_normal(tuple(tensor.shape))
        owner, _, name = key.rpartition(".")
        if isinstance(owners[owner], NORMS) and name == "weight":
            x = 1 + 0.1 * x
        elif name == "bias":
            x = 0.02 * x
        elif tensor.ndim >= 2:
            x = x / np.sqrt(np.prod(tensor.shape[1:])) * (gain_4d if tensor.ndim == 4 else 1.0)
        state[key] = torch.from_numpy(np.asarray(x)).float()
    return state


def normal(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """N(name, shape)."""
    return draws(f"{seed}:input:{name}").standard_normal(shape)


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """U(name, shape) in [0, 1)."""
    return draws(f"{seed}:input:{name}").uniform(0, 1, shape)
