"""``lcvd relight``: animate and relight a portrait, or a batch of portraits from a CSV."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcvd.cli.batch import read_batch, run_batch
from lcvd.cli.options import FILE, MODEL, PRECISION, SCRATCH
from lcvd.config.io import load_settings
from lcvd.errors import UsageError
from lcvd.face.align import DEFAULT, MODES
from lcvd.progress import ProgressPrinter
from lcvd.relighting import api
from lcvd.relighting.api import checkpoint_here, model_of
from lcvd.relighting.light_sources import check_named
from lcvd.relighting.options import NO_FACE, SamplingOptions, SceneRequest
from lcvd.relighting.output.options import OutputOptions, check_writable, is_picture
from lcvd.relighting.output.provenance import side_path
from lcvd.relighting.output.watermark import MARKS
from lcvd.relighting.result import PREVIEW_SIZE, Relit

if TYPE_CHECKING:
    from lcvd.relighting.generate import Model

_EXISTING = click.Path(path_type=Path, exists=True)
_OUTPUT = ("size", "paste_back", "side_by_side", "keep_audio", "mark")
_SCENE = ("align", "smooth", "face", "drive_face", "portrait_at", "start", "end", "fps", "no_face")
_SAMPLING = ("guidance", "likeness", "seed", "recipe", "steps", "adapters")


@click.command
@click.argument("portrait", type=_EXISTING, required=False)
@click.option("--drive", type=_EXISTING, help="Driving motion: a clip, a folder of images, or saved face codes.")
@click.option(
    "--light",
    default="reference",
    show_default=True,
    help="Name of a preset, orbit, reference (the portrait's own light), driving (the driving clip's light), an image of a lit "
    "face, an environment map (.hdr, .exr), an SH file, or a keyframe file.",
)
@click.option("--light-yaw", type=float, default=0.0, help="Rotation of an environment map to the right in degrees.")
@click.option(
    "-o", "--out", type=FILE, help="MP4, or PNG if nothing moves; the side file OUT.json records how it was made."
)
@click.option(
    "--batch", type=FILE, help="CSV with one job per row; columns are portrait and the names of these options."
)
@MODEL
@click.option("--guidance", type=float, help="Strength of the target light (default: the model's own).")
@click.option(
    "--likeness", type=float, help="Strength of the portrait (1: plain prediction; default: the model's own)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sampling noise.")
@click.option(
    "--align",
    default=DEFAULT,
    show_default=True,
    type=click.Choice(list(MODES)),
    help="How the driving motion is transferred to the portrait. track: rotation, translation and scale relative to the first "
    "frame, and the driving expression; relative: the same without translation and scale (the paper); relative-code: also the "
    "expression relative to the first frame (the published code); scale: the driving pose and expression; self: the driving "
    "face itself.",
)
@click.option(
    "--smooth",
    type=float,
    default=0.0,
    show_default=True,
    metavar="STRENGTH",
    help="Reduce jitter: number of frames over which slow motion is averaged; 0 is off, 1 roughly halves the jitter.",
)
@click.option("--face", type=int, help="Number of the face in the portrait, from the left (default: the largest face).")
@click.option(
    "--drive-face", type=int, help="Number of the face in the driving clip, from the left (default: the largest)."
)
@click.option("--portrait-at", type=float, default=0.0, help="Time in a portrait clip of the frame to use, in seconds.")
@click.option("--start", type=float, default=0.0, help="Start of the driving motion in seconds.")
@click.option("--end", type=float, help="End of the driving motion in seconds.")
@click.option("--fps", type=float, help="Frame rate of the result (default: the driving clip's).")
@click.option("--size", type=int, help="Side of the result in pixels (default: the model's); frames are resized.")
@click.option(
    "--no-face",
    default="hold",
    show_default=True,
    type=click.Choice(NO_FACE),
    help="Frames without a face: hold interpolates and lists them, skip removes them, fail stops with their times.",
)
@click.option("--paste-back", is_flag=True, help="Paste the result into the whole frame of the portrait.")
@click.option("--side-by-side", is_flag=True, help="Put the shading hint to the left of the result.")
@click.option("--keep-audio", is_flag=True, help="Keep the driving clip's sound.")
@click.option(
    "--mark",
    default="none",
    show_default=True,
    type=click.Choice(MARKS),
    help="Mark the pixels as AI-generated: with visible text, or a watermark that `lcvd marked` detects.",
)
@click.option("--preview", is_flag=True, help="Write only the shading hints; needs no model and takes seconds.")
@click.option("--recipe", help="Sampling recipe: default, published or fast (default: the model's own).")
@click.option("--steps", type=int, help="Denoising steps (default: the recipe's; without --recipe, the model's own).")
@click.option(
    "--adapters",
    type=click.Choice(["shading+reference", "reference", "shading"]),
    help="Use only some of the model's adapters, as in the paper's Table 4 (default: the model's own, usually both).",
)
@click.option("--params", type=click.Path(path_type=Path), help="Settings (default: params.yaml if there is one).")
@PRECISION
@SCRATCH
@click.pass_context
def relight(ctx: click.Context, **options: Any) -> None:
    """Animate and relight PORTRAIT (an image or a clip); write an MP4, or a PNG if nothing moves."""
    load = functools.cache(model_of)
    if options["batch"] is None:
        click.echo(_run(options, load))
        return
    run_batch(ctx, read_batch(ctx, options["batch"]), lambda row: _run(row, load))


def _run(options: dict[str, Any], load: Callable[[str, str], Model]) -> str:
    """Run one job; returns a line that describes the result."""
    out: Path | None = options["out"]
    if options["portrait"] is None or out is None:
        raise click.UsageError("give a PORTRAIT and -o OUT, or --batch")
    check_writable(out)
    _check_inputs_are_kept(out, options)
    made, scene, sampling = ({name: options[name] for name in names} for names in (_OUTPUT, _SCENE, _SAMPLING))
    output = OutputOptions(**made)
    settings = load_settings(options["params"]) if options["params"] else None
    # `api.relight` repeats these checks; here they refuse bad values before a model is loaded.
    SceneRequest(options["portrait"], options["drive"], **scene)
    check_named(options["light"], options["light_yaw"])
    SamplingOptions(**sampling)

    def relit(model: Model | None) -> Relit:
        return api.relight(
            options["portrait"],
            options["drive"],
            options["light"],
            model,
            light_yaw=options["light_yaw"],
            preview=model is None,
            settings=settings,
            scratch=options["scratch"],
            progress=progress,
            **sampling,
            **scene,
        )

    labels = {"reading": "Reading faces", "sampling": "Relighting", "writing": "Writing"}
    with ProgressPrinter(labels=labels) as progress:
        if is_picture(out):
            relit(None).check_picture(out)
            progress.close()
        model = None if options["preview"] else load(options["model"] or checkpoint_here(), options["precision"])
        output.check(model.pipe.config.size if model else PREVIEW_SIZE)
        found = relit(model)
        count = found.save(out, output, progress=progress)["output"]["frames"]
    bridged = int(found.bridged.sum())
    note = f", {bridged} of them with interpolated motion (no face found)" if bridged else ""
    return f"{out}: {count} {'frame' if count == 1 else 'frames'}{note}"


def _check_inputs_are_kept(out: Path, options: dict[str, Any]) -> None:
    """Check that neither the result nor its side file overwrites an input."""
    for name in ("portrait", "drive", "light"):
        given = Path(options[name] or "")
        for written in (out, side_path(out)):
            if given.is_file() and written.is_file() and given.samefile(written):
                raise UsageError(f"{written}: this would overwrite the {name}; choose another file")
