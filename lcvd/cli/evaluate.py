"""``lcvd evaluate``: methods under a protocol, to a table in Markdown, LaTeX and HTML."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.config.io import load_settings
from lcvd.errors import UsageError
from lcvd.evaluate.benchmark import Asked, judge
from lcvd.evaluate.engine import wanted_of
from lcvd.evaluate.figures.grid import GRID
from lcvd.evaluate.inputs import OWN, names_of
from lcvd.evaluate.protocol import Manifest, load_manifest, protocols
from lcvd.evaluate.result_folders import check
from lcvd.model.hub import fetched
from lcvd.relighting.api import TRAINED, checkpoint_here
from lcvd.report.ablation import ablation_of, write_ablation
from lcvd.report.opinions import read_study
from lcvd.report.tables import markdown, table_of, write_tables

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_PROTOCOL = click.option(
    "--protocol", "name", required=True, help=f"One of {', '.join(protocols())}, or a file (see `show`)."
)
_CLIPS = click.option("--clips", required=True, type=_FOLDER, help="Folder of videos, or of pictures.")
_FRAMES = click.option("--frames", type=click.IntRange(2), help="Instead of the protocol's number of frames.")
_SIZE = click.option("--size", type=click.IntRange(32), help="Instead of the protocol's size in pixels.")


class _RunsByDefault(click.Group):
    """``lcvd evaluate --protocol ...`` is ``lcvd evaluate run --protocol ...``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        direct = args and args[0] not in self.commands and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["run", *args] if direct else args)


@click.group(cls=_RunsByDefault)
def evaluate() -> None:
    """Measure methods under the protocol of one of the paper's tables."""


@evaluate.command()
@click.argument("more", nargs=-1, metavar="[NAME[=FOLDER]]...")
@_PROTOCOL
@_CLIPS
@click.option(
    "--methods",
    "-m",
    multiple=True,
    metavar="NAME[=FOLDER]...",
    help="Methods that come along, such as lcvd, rows of an ablation, or folders of results; left out: the protocol's defaults.",
)
@click.option(
    "--out", "-o", required=True, type=_PATH, help="Takes records.json, table.md, .tex and .html, grid.png, results/."
)
@click.option(
    "--model", help=f"A folder, small, or owner/name on a hub (default: {TRAINED} if it is there, else small)."
)
@click.option("--metric", "metrics", multiple=True, help="A published metric to measure beside the open ones; repeat.")
@click.option("--published", is_flag=True, help="Measure all published metrics of the paper's table.")
@click.option("--study", type=_FILE, help="What `lcvd study results FOLDER --json` printed: adds people's opinions.")
@_FRAMES
@_SIZE
@click.option(
    "--cache", default=".lcvd/cache", show_default=True, type=_PATH, help="What was seen before is found here."
)
@click.option("--params", default="params.yaml", show_default=True, type=_PATH)
def run(
    more: tuple[str, ...],
    name: str,
    clips: Path,
    methods: tuple[str, ...],
    out: Path,
    model: str | None,
    metrics: tuple[str, ...],
    published: bool,
    study: Path | None,
    frames: int | None,
    size: int | None,
    cache: Path,
    params: Path,
) -> None:
    """Measure METHODS on CLIPS and write the table."""
    settings = load_settings(params)
    opinions = read_study(study) if study else None  # a wrong file shows before anything is computed
    manifest, path = _manifest(name, frames, size)
    asked = Asked(
        manifest=manifest,
        beside=path.parent,
        clips=clips,
        methods=dict(_method(each) for each in (*methods, *more) or _defaults(manifest, path)),
        metrics=(
            *manifest.metrics,
            *settings.evaluate.published,
            *metrics,
            *(manifest.published_metrics if published else ()),
        ),
        model=fetched(model or checkpoint_here()),
        out=out,
        cache=cache,
    )
    full = judge(asked, settings, lambda line: click.echo(line, err=True))
    table = table_of(manifest, {**full, "study": opinions})
    write_tables(out, table, out / GRID)
    if ablation := ablation_of(manifest, full["arms"]):
        write_ablation(out, ablation)
    click.echo(markdown(table))


@evaluate.command("check-method")
@click.argument("folder", type=_PATH)
@_PROTOCOL
@_CLIPS
@_FRAMES
@_SIZE
def check_method(folder: Path, name: str, clips: Path, frames: int | None, size: int | None) -> None:
    """Tell what a method's FOLDER of results lacks for a protocol: FOLDER/<clip>/<light>.mkv, or a folder of PNGs."""
    manifest, _ = _manifest(name, frames, size)
    lights = [Path(light).stem for light in manifest.lights] or [OWN]
    wanted = wanted_of(manifest, names_of(manifest, clips), lights)
    found = check(folder, wanted)
    if found:
        raise click.ClickException(f"{len(found)} of {len(wanted)} results don't fit:\n" + "\n".join(found))
    click.echo(f"{folder}: all {len(wanted)} results are there, {manifest.frames} frames of {manifest.size} px each")


@evaluate.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the file of a protocol: save it, change its clips and lights, and name the copy."""
    click.echo(load_manifest(name)[1].read_text(encoding="utf-8"), nl=False)


def _manifest(name: str, frames: int | None, size: int | None) -> tuple[Manifest, Path]:
    manifest, path = load_manifest(name)
    changes = {key: value for key, value in (("frames", frames), ("size", size)) if value is not None}
    return manifest.model_copy(update=changes), path


def _defaults(manifest: Manifest, path: Path) -> tuple[str, ...]:
    if not manifest.defaults:
        raise UsageError(f"{path}: names no defaults, methods to measure; add them, or name some with --methods")
    return manifest.defaults


def _method(text: str) -> tuple[str, Path | None]:
    name, given, folder = text.partition("=")
    if not name or name != Path(name).name:
        raise UsageError(f"--methods {text!r}: expected a name, or NAME=FOLDER")
    return name, Path(folder) if given else None
