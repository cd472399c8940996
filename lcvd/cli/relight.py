"""``lcvd relight``: a portrait, a motion and a light to a video."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from lcvd.config.io import load_settings
from lcvd.model.hub import load_model
from lcvd.relight.portrait import relight as relight_portrait
from lcvd.video.encode import write_browser

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("portrait", type=_FILE)
@click.option("--drive", type=_FILE, help="Clip whose motion is followed.")
@click.option("--light", required=True, help="A preset's name, a picture of a lit face, or an SH file.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", default="data/train/model", show_default=True, type=click.Path(path_type=Path))
@click.option("--guidance", type=float, help="Strength of the light (default: evaluate.guidance of params.yaml).")
@click.option("--steps", type=click.IntRange(1), help="Euler steps (default: evaluate.steps).")
@click.option("--frames", type=click.IntRange(1), default=64, show_default=True, help="At most so many frames.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--side-by-side", is_flag=True, help="Shading hint beside the result.")
@click.option("--params", default="params.yaml", show_default=True, type=click.Path(path_type=Path))
def relight(
    portrait: Path,
    drive: Path | None,
    light: str,
    out: Path,
    model: Path,
    guidance: float | None,
    steps: int | None,
    frames: int,
    seed: int,
    side_by_side: bool,
    params: Path,
) -> None:
    """Animate and relight PORTRAIT (a picture, or a clip) and write an MP4."""
    settings = load_settings(params)
    network = load_model(model, "cuda" if torch.cuda.is_available() else "cpu")
    with click.progressbar(length=1, label="Relighting", show_eta=True) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        video, hints, fps = relight_portrait(
            portrait, network, light, settings, driving=drive, seed=seed, frames=frames, progress=step,
            guidance=settings.evaluate.guidance if guidance is None else guidance,
            steps=steps or settings.evaluate.steps,
        )  # fmt: skip
    shown = np.concatenate([hints, video], axis=2) if side_by_side else video
    write_browser(out, [shown], fps)
    click.echo(f"{out}: {len(video)} frames of {network.size}x{network.size} px")
