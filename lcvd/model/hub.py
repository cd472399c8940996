"""Where a model's folder is: the included model, a local folder, or a repository of the Hugging Face hub."""

import re
from pathlib import Path
from typing import Any

import huggingface_hub

from lcvd.weights.strict import ModelError

INDEX = "model_index.json"
SMALL = "small"
"""Name of the included model (`assets/small`; its card says how it was made)."""
FILES = [INDEX, "*/config.json", "*/scheduler_config.json", "*/*.safetensors"]


def find_model(where: Path | str, **hub: Any) -> Path:
    """The folder of a model.

    Args:
        where: ``small``, the included model (a local folder of that name is ``./small``); a folder; or a repository of the model
            hub, ``owner/name``, which is downloaded.
        hub: see `parts.load_parts`.

    Raises:
        ModelError: there is no such folder, and no such repository can be downloaded.
    """
    if where == SMALL:
        return Path(__file__).parent / "assets" / SMALL
    if Path(where).is_dir():
        return Path(where)
    if isinstance(where, Path) or not re.fullmatch(r"[\w.-]+/[\w.-]+", where):
        raise ModelError(
            f"{where}: no such folder; name one that training wrote (data/train/model), small, or owner/name"
        )
    try:
        return Path(huggingface_hub.snapshot_download(where, allow_patterns=FILES, **hub))
    except (OSError, huggingface_hub.errors.HfHubHTTPError, huggingface_hub.errors.HFValidationError) as error:
        raise ModelError(f"{where}: no such folder, and the hub doesn't give a model of that name: {error}") from None
