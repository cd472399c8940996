"""Parts of a model on disk: a JSON config and strictly loaded weights, with errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

ONE_FILE = "1TB"
WEIGHTS = "diffusion_pytorch_model.safetensors"


class ModelError(ValueError):
    """A model folder can't be used; the message names the file and what is wrong with it."""


def read_config(path: Path) -> dict[str, Any]:
    """What the JSON file `path` holds.

    Raises:
        ModelError: it isn't there, or isn't JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: not found; name a folder that training wrote (data/train/model)") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from None


def load_weights(module: nn.Module, path: Path) -> None:
    """Give `module`, which may lie on the meta device, the tensors of the safetensors file `path`: all of its keys, and
    none besides.

    Raises:
        ModelError: the file isn't there, or keys or shapes differ; they are named.
    """
    if not path.is_file():
        raise ModelError(f"{path}: not found; the model folder is incomplete")
    try:
        module.load_state_dict(load_file(path), strict=True, assign=True)
    except RuntimeError as error:
        raise ModelError(f"{path}: its tensors don't fit its config.json: {error}") from None
