"""Load one part of a model: a JSON config and strictly checked weights. Errors name the file."""

import json
import re
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lcvd.model.hf_classes import AutoencoderKL, CLIPVisionConfig, CLIPVisionModelWithProjection, ModelMixin
from lcvd.model.seeds import seeded_construction
from lcvd.weights.strict import ModelError, load_strict

ONE_FILE = "1TB"
WEIGHTS = "diffusion_pytorch_model.safetensors"
ENCODER_WEIGHTS = "model.safetensors"
Part = TypeVar("Part", bound=ModelMixin)

# Names of the autoencoder's attention layers in the diffusers version that wrote the published file.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def adapter_folder(condition: str) -> str:
    """Name of the folder of a condition's adapter."""
    return f"{condition}_adapter"


def read_config(path: Path) -> dict[str, Any]:
    """Content of the JSON file `path`.

    Raises:
        ModelError: it doesn't exist, or isn't JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: not found; the model folder is incomplete") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from None


def load_part(kind: type[Part], folder: Path, dtype: torch.dtype | None = None) -> Part:
    """A diffusers model of class `kind` from its folder, in `dtype` (None: that of its file, which is mapped into memory).

    Raises:
        ModelError: see `read_config`, `read_weights` and `load_strict`.
    """
    module = _unfilled(kind, folder)
    path, tensors = read_weights(folder, WEIGHTS)
    return load_strict(module, tensors, path, dtype)


def load_vae(folder: Path, dtype: torch.dtype | None = None) -> AutoencoderKL:
    """An autoencoder from its folder; also with the older names of attention layers, as in the file of sd-vae-ft-mse."""
    old = re.compile(r"(?<=attentions\.0\.)(query|key|value|proj_attn)(?=\.)")
    path, found = read_weights(folder, WEIGHTS)
    tensors = {old.sub(lambda match: _OLD_ATTENTION[match[0]], key): tensor for key, tensor in found.items()}
    return load_strict(_unfilled(AutoencoderKL, folder), tensors, path, dtype)


def load_image_encoder(folder: Path, dtype: torch.dtype | None = None) -> CLIPVisionModelWithProjection:
    """CLIP's vision transformer with projection from its folder, frozen."""
    config = CLIPVisionConfig(**read_config(folder / "config.json"))
    with seeded_construction(
        0, "image_encoder"
    ):  # its position buffer isn't in the file, so it can't be built on the meta device
        encoder = CLIPVisionModelWithProjection(config)
    path, tensors = read_weights(folder, ENCODER_WEIGHTS)
    return load_strict(encoder, tensors, path, dtype).eval().requires_grad_(False)


def read_weights(folder: Path, name: str) -> tuple[Path, dict[str, Tensor]]:
    """Path and tensors of the safetensors file `name` in `folder`, or of its float16 variant, mapped into memory.

    Raises:
        ModelError: neither exists, or the file is truncated.
    """
    path = weights_file(folder, name)
    try:
        return path, load_file(path)
    except SafetensorError as error:
        raise ModelError(f"{path}: truncated or not a safetensors file: {error}") from None


def weights_file(folder: Path, name: str) -> Path:
    """The safetensors file `name` in `folder`, or its float16 variant.

    Raises:
        ModelError: neither exists; a pickled file in their place is named.
    """
    stem, _, ending = name.rpartition(".")
    for path in (folder / name, folder / f"{stem}.fp16.{ending}"):
        if path.is_file():
            return path
    pickled = sorted(each.name for each in folder.glob("*.bin"))
    hint = f"; {pickled[0]} is a pickled file: convert it to safetensors" if pickled else ""
    raise ModelError(f"{folder / name}: not found; the model folder is incomplete{hint}")


def _unfilled(kind: type[Part], folder: Path) -> Part:
    with torch.device("meta"):
        module: Part = kind.from_config(read_config(folder / "config.json"))
    return module
