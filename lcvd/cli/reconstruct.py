"""``lcvd reconstruct``: face codes, mask and contact sheet of one clip or picture."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from lcvd.config.io import load_settings
from lcvd.relighting.portrait import reconstruct_file

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--out", default="codes.safetensors", show_default=True, type=_PATH, help="Face codes.")
@click.option("--preview", type=_PATH, help="Contact sheet (PNG): frame, mask, landmarks, mesh, hint.")
@click.option("--params", default="params.yaml", show_default=True, type=_PATH)
def reconstruct(clip: Path, out: Path, preview: Path | None, params: Path) -> None:
    """Reconstruct the face in CLIP (a video or a picture)."""
    settings = load_settings(params)
    with tempfile.TemporaryDirectory() as folder:
        codes, file, sheet = reconstruct_file(clip, Path(folder), settings)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, out)
        if preview:
            shutil.copyfile(sheet, preview)
    click.echo(f"{out}: {codes.frames} frames, mean confidence {codes.confidence.mean():.2f}")
