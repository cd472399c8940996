"""Convert published files to a model folder: SVD-XT, sd-vae-ft-mse and the four files of the published LCVD (spec A, E3).

Each file is mapped into memory and written before the next one is read, so a conversion needs little more memory than the
largest part.
"""

from dataclasses import asdict
from pathlib import Path

import torch

from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.load import load_image_encoder, load_part, load_vae
from lcvd.model.parts import Parts, save_parts
from lcvd.model.published import PAPER_CONDITIONS, published_adapters, published_unet
from lcvd.model.sampling import Sampling
from lcvd.model.schedule import euler_scheduler
from lcvd.model.seeds import generator
from lcvd.model.trained_on import PUBLISHED

FRAMES, OVERLAP = 16, 6


def convert(
    svd: Path, vae: Path, out: Path, *, lcvd: Path | None = None, size: int = 512, dtype: torch.dtype | None = None
) -> list[str]:
    """Write a model folder from published files. Values are unchanged, and so is the precision unless `dtype` is given.

    Args:
        svd: folder of Stable Video Diffusion XT. Its ``unet`` and ``image_encoder`` are used; of the UNet only the config if
            `lcvd` is given.
        vae: folder of sd-vae-ft-mse.
        out: the folder to write.
        lcvd: folder of the published ``unet.pth``, ``light_embedder.pth``, ``ref_embedder.pth`` and, optionally,
            ``head_embedder.pth``. None: new adapters for shading and reference, the start of a training (spec B3).
        size: side of the frames in pixels.

    Returns:
        Names of the conditions that the model has adapters for.

    Raises:
        ModelError: a file is missing, isn't a checkpoint, or its keys or shapes don't fit; missing and unexpected ones
            are listed.
    """
    if lcvd is None:
        unet = load_part(UNetSpatioTemporalConditionModel, svd / "unet", dtype)
        adapters = {name: _fresh(name, unet.config["block_out_channels"][0], dtype) for name in PAPER_CONDITIONS}
    else:
        unet = published_unet(svd, lcvd, dtype)
        adapters = published_adapters(lcvd, unet.config["block_out_channels"][0], dtype)
    parts = Parts(
        unet=unet,
        adapters=adapters,
        image_encoder=load_image_encoder(svd / "image_encoder", dtype),
        vae=load_vae(vae, dtype),
        packing=None,
        scheduler=euler_scheduler(),
        config={
            "size": size,
            "frames": FRAMES,
            "overlap": OVERLAP,
            "warp_reference": False,
            "sampling": asdict(Sampling()),
            "trained_on": PUBLISHED.plain() if lcvd else {},
        },
    )
    save_parts(parts, out)
    return list(adapters)


def _fresh(name: str, channels: int, dtype: torch.dtype | None) -> Adapter:
    adapter: Adapter = Adapter(channels).reset(generator(0, "adapter", name))
    return adapter.to(dtype) if dtype else adapter
