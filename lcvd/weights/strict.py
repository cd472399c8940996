"""Read checkpoints without executing code in them, and load them strictly: no key may be missing or unexpected."""

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
"""Maximum number of keys of each kind that an error lists."""

_NUMBERS: list[Any] = [
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""NumPy scalars under their names before and since NumPy 2. Training scripts save scores next to the weights."""


def read_pickled(path: Path, part: str | None = None) -> Mapping[str, Tensor]:
    """Read the state dict in a file written by ``torch.save``, memory-mapped. No code in the file can run.

    Args:
        path: the file.
        part: the key of the state dict in the file. It is ignored if the file itself is a state dict; None requires that.

    Raises:
        ModelError: the file is missing, compressed, not written by ``torch.save``, or has objects other than tensors.
    """
    if not path.is_file():
        raise ModelError(f"{path}: not found")
    _refuse_packed(path)
    try:
        # Files written before torch 1.6 are not zip archives and can't be memory-mapped.
        with torch.serialization.safe_globals(_NUMBERS):
            found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: not a checkpoint of tensors only: {reason}") from None
    if part is not None and not _tensors(found):
        if not isinstance(found, Mapping) or part not in found:
            keys = (
                f"keys are {', '.join(map(str, found))}"
                if isinstance(found, Mapping)
                else f"content is a {type(found).__name__}"
            )
            raise ModelError(f"{path}: has no key {part!r}; its {keys}")
        found = found[part]
    if not _tensors(found):
        raise ModelError(f"{path}: expected a state dict of tensors, found {type(found).__name__}")
    return found


def load_strict(
    module: Any, tensors: Mapping[str, Tensor], source: Path | str, dtype: torch.dtype | None = None
) -> Any:
    """Load `tensors` into `module`, which may be on the meta device. Keys must match exactly.

    Args:
        module: the network. It uses the tensors themselves, not copies.
        tensors: its state dict.
        source: the file to name in errors.
        dtype: dtype to convert floating-point tensors to; None keeps their dtype.

    Raises:
        ModelError: keys or shapes differ, or a tensor has NaN or infinite values. The message lists them.
    """
    wanted = module.state_dict()
    if found := key_differences(wanted, tensors):
        raise ModelError(f"{source}: not a checkpoint of this {type(module).__name__}: {found}")
    for key, tensor in tensors.items():
        if not all_finite(tensor):
            raise ModelError(f"{source}: {key} has values that aren't finite: the checkpoint is corrupted")
    converted = {key: t.to(dtype) if dtype and t.is_floating_point() else t for key, t in tensors.items()}
    module.load_state_dict(converted, strict=True, assign=True)
    return module


def load_network(build: Callable[[], Network], path: Path, part: str | None = None) -> Network:
    """Build a network with `build` and load a file's weights (see `read_pickled`). It is frozen and in evaluation mode.

    Raises:
        ModelError: see `read_pickled` and `load_strict`.
    """
    weights = read_pickled(path, part)
    with torch.device("meta"):
        network = build()
    load_strict(network, weights, path)
    return network.eval().requires_grad_(False)


def key_differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Describe the keys of `found` that are missing, unexpected or of another shape. Empty if there are none."""
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
    """Whether `tensor` has neither NaN nor infinity. Only its extremes are checked, which needs no mask of its size."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    return bool(torch.stack(torch.aminmax(tensor)).isfinite().all())


def _refuse_packed(path: Path) -> None:
    """Reject compressed archives (zip bombs). ``torch.save`` never compresses."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        packed = next((each for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED), None)
    if packed:
        raise ModelError(
            f"{path}: its member {packed.filename} is compressed ({packed.compress_size} bytes for {packed.file_size}), "
            "which torch.save never does; download the file again from its publisher"
        )


def _tensors(found: Any) -> bool:
    return isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values())


def _listed(keys: list[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")
