"""``lcvd relight``: a portrait, a motion and a light to a video."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from lcvd.config.io import load_settings
from lcvd.face.align import DEFAULT, MODES
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import RECIPES
from lcvd.relight.portrait import relight as relight_portrait
from lcvd.video.encode import write_browser

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("portrait", type=_FILE)
@click.option("--drive", type=_FILE, help="Clip whose motion is followed.")
@click.option(
    "--align",
    default=DEFAULT,
    show_default=True,
    type=click.Choice(list(MODES)),
    help="How the driving motion is put on the portrait. track: turned, moved and scaled as the driving head is, from where "
    "the portrait is, with the driving expression; relative: the same in one place (the paper); relative-code: also the "
    "expression relative to the first frame (the published code); scale: driving pose and expression; self: the driving "
    "face itself.",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="STRENGTH",
    help="Calm the motion's jitter: frames over which slow motion is averaged; 0 is off, 1 about halves it.",
)
@click.option(
    "--light",
    required=True,
    help="A preset's name, orbit, a picture of a lit face, an environment map (.hdr, .exr), or an SH file.",
)
@click.option(
    "--light-yaw", type=float, default=0.0, help="Degrees by which an environment map is turned to the right."
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", default="data/train/model", show_default=True, help="A folder, or owner/name on a hub.")
@click.option("--guidance", type=float, help="Strength of the light (default: evaluate.guidance of params.yaml).")
@click.option("--steps", type=click.IntRange(1), help="Denoising steps (default: the recipe's).")
@click.option(
    "--recipe", default="default", show_default=True, type=click.Choice(list(RECIPES)), help="How it is sampled."
)
@click.option(
    "--adapters",
    default="shading+reference",
    show_default=True,
    type=click.Choice(["shading+reference", "reference", "shading"]),
    help="Use one of the model's adapters alone, as in the paper's Table 4.",
)
@click.option("--frames", type=click.IntRange(1), default=64, show_default=True, help="At most so many frames.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--side-by-side", is_flag=True, help="Shading hint beside the result.")
@click.option("--params", default="params.yaml", show_default=True, type=click.Path(path_type=Path))
def relight(
    portrait: Path,
    drive: Path | None,
    align: str,
    smooth: float,
    light: str,
    light_yaw: float,
    out: Path,
    model: str,
    guidance: float | None,
    steps: int | None,
    recipe: str,
    adapters: str,
    frames: int,
    seed: int,
    side_by_side: bool,
    params: Path,
) -> None:
    """Animate and relight PORTRAIT (a picture, or a clip) and write an MP4."""
    settings = load_settings(params)
    pipe = LCVDPipeline.from_pretrained(model, device="cuda" if torch.cuda.is_available() else "cpu")
    pipe.set_progress_bar_config(disable=True)
    with click.progressbar(length=1, label="Relighting", show_eta=True) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        video, hints, fps = relight_portrait(
            portrait, pipe, light, settings, light_yaw=light_yaw, driving=drive, alignment=align, smoothing=smooth,
            seed=seed, frames=frames, progress=step,
            guidance=settings.evaluate.guidance if guidance is None else guidance,
            recipe=recipe,
            adapters=adapters,
            steps=steps,
        )  # fmt: skip
    shown = np.concatenate([hints, video], axis=2) if side_by_side else video
    write_browser(out, [shown], fps)
    click.echo(f"{out}: {len(video)} frames of {pipe.model.size}x{pipe.model.size} px")
