"""Checkpoints of tensors, read without running any code in them and loaded with no key left over or missing."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from lcvd.weights.registry import ModelError

Network = TypeVar("Network", bound=nn.Module)
SHOWN = 12
"""Keys of a kind that an error lists."""

_NUMBERS: list[Any] = [
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""NumPy's numbers, by their names before and since NumPy 2: training scripts save scores beside the weights."""


def read_pickled(path: Path, part: str | None = None) -> Mapping[str, Tensor]:
    """The state dict in a file that ``torch.save`` wrote, mapped into memory; no code in it can run.

    Args:
        path: the file.
        part: the key under which the file holds the state dict; None, or tensors alone in the file: the file is one.

    Raises:
        ModelError: it isn't there, holds something else than tensors, is compressed, or isn't such a file.
    """
    if not path.is_file():
        raise ModelError(f"{path}: not found")
    _refuse_packed(path)
    try:
        # Files of before torch 1.6 are no zip archives and can't be mapped.
        with torch.serialization.safe_globals(_NUMBERS):
            found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a checkpoint of tensors alone: {reason}") from None
    if part is not None and not _tensors(found):
        if not isinstance(found, Mapping) or part not in found:
            keys = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
            raise ModelError(f"{path}: has no part {part!r}; it holds {keys}")
        found = found[part]
    if not _tensors(found):
        raise ModelError(f"{path}: expected a state dict of tensors, found {type(found).__name__}")
    return found


def fit(module: Any, tensors: Mapping[str, Tensor], source: Path | str, dtype: torch.dtype | None = None) -> Any:
    """Give `module`, which may lie on the meta device, `tensors`: all of its keys, and none besides.

    Args:
        module: the network; it takes the tensors themselves, not copies.
        tensors: its state dict.
        source: the file that errors name.
        dtype: what floating-point tensors are brought to; None leaves them as they are.

    Raises:
        ModelError: keys or shapes differ, or a tensor holds a NaN or an infinity; they are named.
    """
    wanted = module.state_dict()
    if found := differences(wanted, tensors):
        raise ModelError(f"{source}: not a checkpoint of this {type(module).__name__}: {found}")
    for key, tensor in tensors.items():
        if not all_finite(tensor):
            raise ModelError(f"{source}: {key} holds values that aren't finite: the checkpoint is spoilt")
    brought = {key: t.to(dtype) if dtype and t.is_floating_point() else t for key, t in tensors.items()}
    module.load_state_dict(brought, strict=True, assign=True)
    return module


def load_network(kind: Callable[[], Network], path: Path, part: str | None = None) -> Network:
    """The network that `kind` makes, with the weights of a file as `read_pickled` reads it, in evaluation mode.

    Raises:
        ModelError: see `read_pickled` and `fit`.
    """
    weights = read_pickled(path, part)
    with torch.device("meta"):
        network = kind()
    fit(network, weights, path)
    return network.eval().requires_grad_(False)


def differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What is missing, unexpected, or of another shape in `found`; empty when nothing is."""
    shapes = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in found and found[key].shape != tensor.shape
    ]
    kinds = {
        "missing": [key for key in wanted if key not in found],
        "unexpected": [key for key in found if key not in wanted],
        "of another shape": shapes,
    }
    return "; ".join(f"{len(keys)} {kind} ({_listed(keys)})" for kind, keys in kinds.items() if keys)


def all_finite(tensor: Tensor) -> bool:
    """Whether `tensor` holds neither NaN nor infinity; its extremes tell, without a mask of its size."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    return bool(torch.stack(torch.aminmax(tensor)).isfinite().all())


def _refuse_packed(path: Path) -> None:
    """``torch.save`` stores; what is compressed may unpack to a thousand times its size."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        packed = next((each for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED), None)
    if packed:
        raise ModelError(
            f"{path}: {packed.filename} in it is compressed, {packed.compress_size} bytes for {packed.file_size}, which "
            "torch.save never does; get the file anew from its publisher"
        )


def _tensors(found: Any) -> bool:
    return isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values())


def _listed(keys: list[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")
