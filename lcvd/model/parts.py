"""The parts of a model, and the folder that holds them: each with its own config and safetensors, in the layout of model hubs.

model_index.json                  class of each part; size, frames, overlap, conditions, warp_reference, sampling, trained_on
unet/                             config.json, diffusion_pytorch_model.safetensors
<condition>_adapter/              the same, for each condition
vae/                              the same: the autoencoder of the latents; packing/ beside it if it packs them
image_encoder/                    config.json, model.safetensors
scheduler/                        scheduler_config.json
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import nn

from lcvd.errors import UsageError
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import (
    AutoencoderKL,
    CLIPVisionModelWithProjection,
    EulerDiscreteScheduler,
    UNetSpatioTemporalConditionModel,
)
from lcvd.model.hub import INDEX, find_model
from lcvd.model.load import ONE_FILE, adapter_folder, load_image_encoder, load_part, load_vae, read_config
from lcvd.model.packing import Packing
from lcvd.model.sampling import Sampling
from lcvd.model.trained_on import TrainedOn
from lcvd.weights.strict import ModelError

PIPELINE = "LCVDPipeline"
SIZES = ("size", "frames", "overlap")
OLD_WARP = "carried"
"""Name of ``warp_reference`` in model folders that earlier versions wrote."""


@dataclass(frozen=True)
class Parts:
    """The parts of a model and its configuration."""

    unet: UNetSpatioTemporalConditionModel
    adapters: Mapping[str, Adapter]
    """By the name of their condition, in order."""
    image_encoder: CLIPVisionModelWithProjection
    vae: AutoencoderKL
    packing: Packing | None
    scheduler: Any
    config: Mapping[str, Any]
    """``size``, ``frames``, ``overlap``, ``warp_reference``, ``sampling`` and ``trained_on`` as in ``model_index.json``: see
    `LCVD`."""

    def named(self) -> dict[str, Any]:
        """All parts by the name of their folder."""
        adapters = {adapter_folder(name): adapter for name, adapter in self.adapters.items()}
        own = {"image_encoder": self.image_encoder, "scheduler": self.scheduler, "unet": self.unet, "vae": self.vae}
        return own | adapters | ({"packing": self.packing} if self.packing else {})


def save_parts(parts: Parts, folder: Path | str, safe_serialization: bool = True, variant: str | None = None) -> None:
    """Write a model to `folder`, which may exist. Equal weights give equal bytes.

    Raises:
        UsageError: another format than safetensors, or a variant, is asked for.
    """
    if not safe_serialization or variant:
        raise UsageError("safe_serialization, variant: models are written as safetensors, without variants")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    named = parts.named()
    index = {name: [_library(part), type(part).__name__] for name, part in named.items()}
    head = {"_class_name": PIPELINE, "_diffusers_version": diffusers.__version__}
    text = json.dumps(
        head | dict(sorted({**index, **parts.config, "conditions": list(parts.adapters)}.items())), indent=2
    )
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")
    for name, part in named.items():
        whole = {"max_shard_size": ONE_FILE} if isinstance(part, nn.Module) else {}
        part.save_pretrained(folder / name, **whole)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # safetensors makes files that only their owner can read


def load_parts(where: Path | str, dtype: torch.dtype | None = None, **hub: Any) -> Parts:
    """Load a model. Loading is strict: the files must hold every weight and no other.

    Args:
        where: see `find_model`.
        dtype: precision of the weights; None: that of their files, which are mapped into memory.
        hub: `revision`, `token`, `cache_dir`, `local_files_only`, as `huggingface_hub.snapshot_download` takes them.

    Raises:
        ModelError: it isn't a model, a file is missing or truncated, or keys or shapes don't fit its config.
    """
    folder = find_model(where, **hub)
    config = read_config(folder / INDEX)
    if config.get("_class_name") != PIPELINE:
        raise ModelError(f"{folder / INDEX}: _class_name is {config.get('_class_name')!r}, expected {PIPELINE!r}")
    missing = [key for key in (*SIZES, "conditions") if key not in config]
    if missing:
        raise ModelError(f"{folder / INDEX}: lacks {', '.join(missing)}")
    return Parts(
        unet=load_part(UNetSpatioTemporalConditionModel, folder / "unet", dtype),
        adapters={name: load_part(Adapter, folder / adapter_folder(name), dtype) for name in config["conditions"]},
        image_encoder=load_image_encoder(folder / "image_encoder", dtype),
        vae=load_vae(folder / "vae", dtype),
        packing=load_part(Packing, folder / "packing", dtype) if "packing" in config else None,
        scheduler=EulerDiscreteScheduler.from_config(read_config(folder / "scheduler" / "scheduler_config.json")),
        config={
            **{key: int(config[key]) for key in SIZES},
            "warp_reference": bool(config.get("warp_reference", config.get(OLD_WARP, False))),
            "sampling": asdict(load_sampling(folder)),
            "trained_on": _entry(folder, "trained_on", TrainedOn),
        },
    )


def load_sampling(folder: Path) -> Sampling:
    """The sampling defaults of the model in a folder; those of the published system if its index has none.

    Raises:
        ModelError: they have an unknown key, or a value out of range; the error names it.
    """
    try:
        return Sampling(**_entry(folder, "sampling", Sampling))
    except UsageError as error:
        raise ModelError(f"{folder / INDEX}: sampling: {error}") from None


def _entry(folder: Path, name: str, kind: type[Sampling | TrainedOn]) -> dict[str, Any]:
    """The entry `name` of the index: a dictionary with some of the fields of `kind`; {} if there is none."""
    found = read_config(folder / INDEX).get(name, {})
    known = [field.name for field in fields(kind)]
    if not isinstance(found, dict) or set(found) - set(known):
        raise ModelError(f"{folder / INDEX}: {name}: expected some of {', '.join(known)}, got {found!r}")
    return found


def _library(part: Any) -> str:
    """Name of the package, or of the module of this project, that a part's class is imported from."""
    module = type(part).__module__
    return module if module.startswith("lcvd.") else module.split(".")[0]
