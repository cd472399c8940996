"""``lcvd relight``: a portrait, a motion and a light to a video; one, or a batch of them from a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcvd.cli.batch import read_batch, run_batch
from lcvd.cli.options import FILE, MODEL, SCRATCH
from lcvd.config.io import load_settings
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.align import DEFAULT, MODES
from lcvd.progress import ProgressPrinter
from lcvd.relighting import api
from lcvd.relighting.api import checkpoint_here, model_of, settings_here
from lcvd.relighting.light_sources import check_named
from lcvd.relighting.options import NO_FACE, SamplingOptions, SceneRequest
from lcvd.relighting.output.options import OutputOptions, check_writable, is_picture
from lcvd.relighting.output.provenance import side_path
from lcvd.relighting.output.watermark import MARKS
from lcvd.relighting.result import PREVIEW_SIZE, Relit

if TYPE_CHECKING:
    from lcvd.relighting.generate import Model

_SEEN = click.Path(path_type=Path, exists=True)
_MADE = ("size", "paste_back", "side_by_side", "keep_audio", "mark")
_SEEN_AS = ("align", "smooth", "face", "drive_face", "portrait_at", "start", "end", "fps", "no_face")
_SAMPLED = ("guidance", "likeness", "seed", "recipe", "steps", "adapters")


@click.command
@click.argument("portrait", type=_SEEN, required=False)
@click.option("--drive", type=_SEEN, help="Clip, folder of pictures or saved codes whose motion is followed.")
@click.option(
    "--light",
    default="reference",
    show_default=True,
    help="A preset's name, orbit, reference (the portrait's own), driving (the driving clip's), a picture of a lit face, an "
    "environment map (.hdr, .exr), an SH file, or a file of keyframes.",
)
@click.option(
    "--light-yaw", type=float, default=0.0, help="Degrees by which an environment map is turned to the right."
)
@click.option(
    "-o",
    "--out",
    type=FILE,
    help="The MP4 to write, or PNG if nothing moves; beside it, a file named as it and .json tells how it was made.",
)
@click.option(
    "--batch", type=FILE, help="CSV of jobs: one row per job, columns named like these options, and portrait."
)
@MODEL
@click.option("--guidance", type=float, help="Strength of the target light (default: the model's own).")
@click.option(
    "--likeness",
    type=float,
    help="Strength of the portrait; 1 is the network's own prediction (default: the model's own).",
)
@click.option("--seed", type=int, default=0, show_default=True)
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
    type=float,
    default=0.0,
    show_default=True,
    metavar="STRENGTH",
    help="Calm the motion's jitter: frames over which slow motion is averaged; 0 is off, 1 about halves it.",
)
@click.option(
    "--face", type=int, help="Which of several faces of the portrait, counted from the left (else the largest)."
)
@click.option("--drive-face", type=int, help="The same, of the driving clip.")
@click.option("--portrait-at", type=float, default=0.0, help="Second of a portrait clip whose frame is the portrait.")
@click.option("--start", type=float, default=0.0, help="Second of the driving clip to begin at.")
@click.option("--end", type=float, help="Second to end before.")
@click.option("--fps", type=float, help="Frames a second of the result (default: the driving clip's).")
@click.option("--size", type=int, help="Side of the result in pixels (default: the model's, which it works at anyhow).")
@click.option(
    "--no-face",
    default="hold",
    show_default=True,
    type=click.Choice(NO_FACE),
    help="Frames without a face: bridge and mark them, leave them out, or give up and tell where they are.",
)
@click.option("--paste-back", is_flag=True, help="Put the result into the whole frame that the portrait is cut from.")
@click.option("--side-by-side", is_flag=True, help="Shading hint beside the result.")
@click.option("--keep-audio", is_flag=True, help="The driving clip's sound.")
@click.option(
    "--mark",
    default="none",
    show_default=True,
    type=click.Choice(MARKS),
    help="Mark the pixels as AI-generated, beside the file's own metadata: words, or a watermark that `lcvd marked` finds.",
)
@click.option("--preview", is_flag=True, help="Shading hints only: needs no model, takes seconds.")
@click.option("--recipe", help="Sampling recipe: default, published or fast (default: the model's own).")
@click.option(
    "--steps", type=int, help="Number of denoising steps (default: the recipe's; without --recipe, the model's own)."
)
@click.option(
    "--adapters",
    type=click.Choice(["shading+reference", "reference", "shading"]),
    help="Use one of the model's adapters alone, as in the paper's Table 4 (default: the model's own, usually both).",
)
@click.option("--params", type=click.Path(path_type=Path), help="Settings (default: params.yaml if there is one).")
@SCRATCH
@click.pass_context
def relight(ctx: click.Context, **options: Any) -> None:
    """Animate and relight PORTRAIT (a picture, or a clip) and write an MP4, or a PNG where nothing moves."""
    models: dict[str, Model] = {}
    if options["batch"] is None:
        click.echo(_one(options, models))
        return
    run_batch(read_batch(ctx, options["batch"]), lambda row: _one(row, models))


def _one(options: dict[str, Any], models: dict[str, Model]) -> str:
    """Do one job, with a loaded model if it's among `models`; a line about it."""
    out: Path | None = options["out"]
    if options["portrait"] is None or out is None:
        raise click.UsageError("give a PORTRAIT and -o OUT, or --batch")
    check_writable(out)
    _spare(out, options)
    output, wanted = OutputOptions(**_some(options, _MADE)), _some(options, _SEEN_AS)
    params = options["params"]
    settings: Settings = load_settings(params) if params else settings_here()
    sampled = _some(options, _SAMPLED)
    # All is done again by the call; here, bad numbers and names are refused before a model is loaded.
    SceneRequest(options["portrait"], options["drive"], **wanted)
    check_named(options["light"], options["light_yaw"])
    SamplingOptions(**sampled)

    def relit(model: Model | None, bars: ProgressPrinter) -> Relit:
        return api.relight(
            options["portrait"],
            options["drive"],
            options["light"],
            model,
            light_yaw=options["light_yaw"],
            preview=model is None,
            settings=settings,
            scratch=options["scratch"],
            progress=bars,
            **sampled,
            **wanted,
        )

    if is_picture(out):
        with _progress() as bars:
            relit(None, bars).check_picture(out)
    model = None if options["preview"] else _loaded(options["model"] or checkpoint_here(), models)
    output.check(model.pipe.config.size if model else PREVIEW_SIZE)
    with _progress() as bars:
        found = relit(model, bars)
        made = found.save(out, output, progress=bars)
    bridged = int(found.bridged.sum())
    note = f", {bridged} of them bridged: no face was seen" if bridged else ""
    count = made["output"]["frames"]
    return f"{out}: {count} {'frame' if count == 1 else 'frames'}{note}"


def _progress() -> ProgressPrinter:
    return ProgressPrinter(labels={"reading": "Reading faces", "sampling": "Relighting", "writing": "Writing"})


def _spare(out: Path, options: dict[str, Any]) -> None:
    """See that neither the result nor its side file takes the place of what it is made from."""
    for name in ("portrait", "drive", "light"):
        given = Path(options[name] or "")
        for made in (out, side_path(out)):
            if given.is_file() and made.is_file() and given.samefile(made):
                raise UsageError(f"{made}: the {name} itself would be written over; name another file")


def _some(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names}


def _loaded(checkpoint: str, models: dict[str, Model]) -> Model:
    if checkpoint not in models:
        models[checkpoint] = model_of(checkpoint)
    return models[checkpoint]
