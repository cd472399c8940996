"""Options that several commands share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)

MODEL = click.option(
    "--model",
    help="Model folder, `small`, or owner/name on a hub (default: data/train/model if it exists, else small).",
)
PRECISION = click.option(
    "--precision",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    help="Floating-point type of the model. auto: that of its file on a GPU, fp32 on a CPU.",
)
PARAMS = click.option("--params", default="params.yaml", show_default=True, type=FILE, help="Settings file.")
DATA = click.option("--data", default="data", show_default=True, type=FOLDER, help="Folder of the stages' outputs.")
SCRATCH = click.option(
    "--scratch",
    default=".lcvd",
    show_default=True,
    envvar="LCVD_SCRATCH",
    type=FOLDER,
    help="Scratch folder: caches, logs and state of interrupted runs.",
)
HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on (default: local only)."
)
