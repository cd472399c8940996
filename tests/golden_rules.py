"""Rules that generate the weights and inputs of the golden numbers (golden/README.md, section 1)."""

import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
Exceptions = Callable[[str, np.ndarray], np.ndarray | None]


def draws(tag: str) -> np.random.RandomState:
    """A new generator, seeded with a tag."""
    return np.random.RandomState(zlib.crc32(tag.encode()))


def rule_weights(module: nn.Module, seed: int, exceptions: Exceptions | None = None) -> dict[str, torch.Tensor]:
    """A state dict by the common rule. `exceptions(key, x)` returns a tensor's values given its standard normal draws
    `x`, or None to apply the rule."""
    owners = dict(module.named_modules(remove_duplicate=False))  # a shared module has several names
    state = {}
    for key, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            state[key] = tensor
            continue
        x = draws(f"{seed}:{key}").standard_normal(tuple(tensor.shape))
        found = exceptions(key, x) if exceptions else None
        x = _by_rule(key, x, owners[key.rpartition(".")[0]]) if found is None else found
        state[key] = torch.from_numpy(np.asarray(x)).float()
    return state


def _by_rule(key: str, x: np.ndarray, owner: nn.Module) -> np.ndarray:
    name = key.rpartition(".")[2]
    if isinstance(owner, NORMS) and name == "weight":
        return 1 + 0.1 * x
    if name == "bias":
        return 0.02 * x
    if name == "running_mean":
        return 0.1 * x
    if name == "running_var":
        return 1 + 0.1 * np.abs(x)
    return fan_in(x) if x.ndim >= 2 else x


def fan_in(x: np.ndarray) -> np.ndarray:
    """Draws divided by the square root of the number of inputs."""
    return x / np.sqrt(np.prod(x.shape[1:]))


def deca_exceptions(key: str, x: np.ndarray) -> np.ndarray | None:
    """Exceptions of fixture ``deca_encoder``."""
    if x.ndim == 4 or (key.startswith("layers.") and key.endswith(".weight")):
        return np.sqrt(2) * fan_in(x)
    return 0.3 * (1 + 0.1 * x) if key.endswith("bn3.weight") else None


def normal(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """N(name, shape)."""
    return draws(f"{seed}:input:{name}").standard_normal(shape)


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """U(name, shape) in [0, 1)."""
    return draws(f"{seed}:input:{name}").uniform(0, 1, shape)
