"""``lcvd convert``: convert published weights to a model folder."""

from pathlib import Path

import click
import torch

from lcvd.cli.options import EXISTING_FOLDER, FOLDER
from lcvd.model.convert import convert as convert_files
from lcvd.weights.registry import require

_PRECISIONS = {"as-is": None, "fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@click.command()
@click.option("--svd", type=EXISTING_FOLDER, help="Folder of SVD-XT (default: see `lcvd doctor`).")
@click.option("--vae", type=EXISTING_FOLDER, help="Folder of sd-vae-ft-mse (default: see `lcvd doctor`).")
@click.option(
    "--lcvd",
    "published",
    type=EXISTING_FOLDER,
    help="Folder of the published unet.pth and *_embedder.pth (default: see `lcvd doctor`).",
)
@click.option("--fresh", is_flag=True, help="Use SVD's UNet and untrained adapters, as a start for training.")
@click.option("-o", "--out", required=True, type=FOLDER, help="Model folder to write.")
@click.option("--size", type=click.IntRange(64), default=512, show_default=True, help="Side of the frames in pixels.")
@click.option(
    "--precision",
    type=click.Choice(list(_PRECISIONS)),
    default="as-is",
    show_default=True,
    help="Number format of the weights; as-is keeps the files'.",
)
def convert(
    svd: Path | None, vae: Path | None, published: Path | None, fresh: bool, out: Path, size: int, precision: str
) -> None:
    """Convert the published weights to a folder for `lcvd relight --model` and LCVDPipeline.from_pretrained."""
    if fresh and published:
        raise click.UsageError("--fresh uses no published LCVD files: omit --lcvd")
    conditions = convert_files(
        svd or require("svd-xt"),
        vae or require("sd-vae-ft-mse"),
        out,
        lcvd=None if fresh else published or require("lcvd"),
        size=size,
        dtype=_PRECISIONS[precision],
    )
    click.echo(f"{out}: model with adapters for {', '.join(conditions)}")
