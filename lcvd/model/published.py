"""The published LCVD files: pickled weights of the UNet and of the adapters, loaded strictly."""

from pathlib import Path

import torch

from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.load import read_config
from lcvd.weights.strict import load_strict, read_pickled

UNET_FILE = "unet.pth"
ADAPTER_FILES = {"shading": "light_embedder.pth", "reference": "ref_embedder.pth", "landmark": "head_embedder.pth"}
PAPER_CONDITIONS = ("shading", "reference")


def published_unet(svd: Path, lcvd: Path, dtype: torch.dtype | None) -> UNetSpatioTemporalConditionModel:
    """The UNet in the folder `lcvd`, with the config of SVD-XT's in the folder `svd`.

    Raises:
        ModelError: a file is missing, isn't a checkpoint, or its keys or shapes don't fit.
    """
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel.from_config(read_config(svd / "unet" / "config.json"))
    return load_strict(unet, read_pickled(lcvd / UNET_FILE), lcvd / UNET_FILE, dtype)


def published_adapters(folder: Path, channels: int, dtype: torch.dtype | None) -> dict[str, Adapter]:
    """The adapters in `folder`, by condition. The file of the landmark adapter, which isn't in the paper, is optional.

    Raises:
        ModelError: see `published_unet`.
    """
    adapters = {}
    for name, file in ADAPTER_FILES.items():
        if name in PAPER_CONDITIONS or (folder / file).exists():
            with torch.device("meta"):
                adapter = Adapter(channels)
            adapters[name] = load_strict(adapter, read_pickled(folder / file), folder / file, dtype)
    return adapters
