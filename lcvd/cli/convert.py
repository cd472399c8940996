"""``lcvd convert``: published files to a model folder."""

from __future__ import annotations

from pathlib import Path

import click
import torch

from lcvd.model.convert import convert as convert_files
from lcvd.weights.registry import require

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_PRECISIONS = {"as-is": None, "fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@click.command()
@click.option("--svd", type=_FOLDER, help="SVD-XT's folder (default: where `lcvd doctor` says).")
@click.option("--vae", type=_FOLDER, help="sd-vae-ft-mse's folder (default: where `lcvd doctor` says).")
@click.option(
    "--lcvd", "published", type=_FOLDER, help="Folder of the published unet.pth and *_embedder.pth (default: the same)."
)
@click.option("--fresh", is_flag=True, help="SVD's own UNet and fresh adapters, to train from.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--size", type=click.IntRange(64), default=512, show_default=True, help="Side of the frames.")
@click.option("--precision", type=click.Choice(list(_PRECISIONS)), default="as-is", show_default=True)
def convert(
    svd: Path | None, vae: Path | None, published: Path | None, fresh: bool, out: Path, size: int, precision: str
) -> None:
    """Write the published model as a folder that `lcvd relight --model` and LCVDPipeline.from_pretrained read."""
    if fresh and published:
        raise click.UsageError("--fresh takes no published files: leave --lcvd out")
    conditions = convert_files(
        svd or require("svd-xt"),
        vae or require("sd-vae-ft-mse"),
        out,
        lcvd=None if fresh else published or require("lcvd"),
        size=size,
        dtype=_PRECISIONS[precision],
    )
    click.echo(f"{out}: a model with adapters for {', '.join(conditions)}")
