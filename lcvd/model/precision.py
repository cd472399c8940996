"""The floating-point type in which a model runs."""

import logging
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError, safe_open

from lcvd.errors import UsageError
from lcvd.model.load import WEIGHTS, weights_file
from lcvd.weights.strict import ModelError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
STORED = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
"""By name in the header of a safetensors file."""
log = logging.getLogger(__name__)


def dtype_for(precision: str, device: torch.device, folder: Path) -> torch.dtype:
    """The type in which the model in `folder` runs on `device`.

    ``auto`` is the type of the UNet's file on a GPU, and float32 on a CPU, where half precision is up to 150 times slower.

    Raises:
        UsageError: `precision` is unknown.
        ModelError: the file isn't safetensors, or has several types.
    """
    if precision not in get_args(Precision):
        raise UsageError(f"precision: expected one of {', '.join(get_args(Precision))}, got {precision!r}")
    if precision == "auto":
        return torch.float32 if device.type == "cpu" else stored_dtype(folder)
    if device.type == "cpu" and precision != "fp32":
        log.warning("precision %s on a CPU: most CPUs compute it 8 to 150 times slower than fp32", precision)
    return DTYPES[precision]


def stored_dtype(folder: Path) -> torch.dtype:
    """The type of the weights in ``folder/unet``, read from the file's header.

    Raises:
        ModelError: there is no such file, it isn't safetensors, or it has several types.
    """
    path = weights_file(folder / "unet", WEIGHTS)
    try:
        with safe_open(path, "pt") as file:
            found = sorted({file.get_slice(name).get_dtype() for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(f"{path}: truncated or not a safetensors file: {error}") from None
    if len(found) != 1 or found[0] not in STORED:
        raise ModelError(
            f"{path}: weights of type {', '.join(found)}; expected one of {', '.join(STORED)} in the whole file. Choose the "
            "type with --precision"
        )
    return STORED[found[0]]


def allow_tf32() -> None:
    """Let GPUs multiply float32 matrices, and convolve, in TF32: faster, with 10 bits of mantissa instead of 23."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
