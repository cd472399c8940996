"""``lcvd benchmark``: measure methods under a protocol and write the table as Markdown, LaTeX and HTML."""

from pathlib import Path

import click

from lcvd.cli.options import EXISTING_FILE, EXISTING_FOLDER, MODEL, PARAMS, PATH
from lcvd.config.io import load_settings
from lcvd.errors import UsageError
from lcvd.evaluate.benchmark import BenchmarkRequest, expected_videos, run_benchmark
from lcvd.evaluate.figures.grid import GRID
from lcvd.evaluate.inputs.files import inputs_of
from lcvd.evaluate.protocol import Protocol, load_protocol, protocols
from lcvd.evaluate.result_folders import check_folder
from lcvd.model.hub import find_model
from lcvd.relighting.api import checkpoint_here
from lcvd.report.ablation import ablation_of, write_ablation
from lcvd.report.opinions import read_study
from lcvd.report.tables import markdown, table_of, write_tables

_PROTOCOL = click.option(
    "--protocol", "name", required=True, help=f"One of {', '.join(protocols())}, or a file (see `lcvd benchmark show`)."
)
_CLIPS = click.option("--clips", required=True, type=EXISTING_FOLDER, help="Folder of videos or images.")
_FRAMES = click.option("--frames", type=click.IntRange(2), help="Number of frames (default: the protocol's).")
_SIZE = click.option("--size", type=click.IntRange(32), help="Size in pixels (default: the protocol's).")


class _RunsByDefault(click.Group):
    """``lcvd benchmark --protocol ...`` is ``lcvd benchmark run --protocol ...``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        direct = args and args[0] not in self.commands and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["run", *args] if direct else args)


@click.group(cls=_RunsByDefault)
def benchmark() -> None:
    """Measure relighting methods under the protocol of one of the paper's tables (docs/methods.md)."""


@benchmark.command()
@click.argument("more", nargs=-1, metavar="[NAME[=FOLDER]]...")
@_PROTOCOL
@_CLIPS
@click.option(
    "--methods",
    "-m",
    multiple=True,
    metavar="NAME[=FOLDER]...",
    help="Built-in methods such as lcvd, rows of an ablation, or folders of results (default: the protocol's).",
)
@click.option(
    "--out",
    "-o",
    required=True,
    type=PATH,
    help="Output folder: records.json, table.md, table.tex, table.html, grid.png, results/.",
)
@MODEL
@click.option(
    "--metric", "metrics", multiple=True, help="Published metric to measure in addition to the open ones; repeatable."
)
@click.option("--published", is_flag=True, help="Measure all published metrics of the paper's table.")
@click.option(
    "--study", type=EXISTING_FILE, help="Output of `lcvd study results FOLDER --json`: adds the ratings to the table."
)
@_FRAMES
@_SIZE
@click.option("--cache", default=".lcvd/cache", show_default=True, type=PATH, help="Folder of cached measurements.")
@PARAMS
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
    opinions = read_study(study) if study else None  # an invalid file is reported before anything is computed
    protocol, path = _protocol(name, frames, size)
    request = BenchmarkRequest(
        protocol=protocol,
        lights_folder=path.parent,
        clips=clips,
        methods=dict(_method(each) for each in (*methods, *more) or _defaults(protocol, path)),
        metrics=(
            *protocol.metrics,
            *settings.evaluate.published,
            *metrics,
            *(protocol.published_metrics if published else ()),
        ),
        model=find_model(model or checkpoint_here()),
        out=out,
        cache=cache,
    )
    full = run_benchmark(request, settings, lambda line: click.echo(line, err=True))
    table = table_of(full, opinions)
    write_tables(out, table, out / GRID)
    if ablation := ablation_of(full):
        write_ablation(out, ablation)
    click.echo(markdown(table))


@benchmark.command("check-method")
@click.argument("folder", type=PATH)
@_PROTOCOL
@_CLIPS
@_FRAMES
@_SIZE
def check_method(folder: Path, name: str, clips: Path, frames: int | None, size: int | None) -> None:
    """Check that FOLDER holds every result that a protocol needs.

    A result is FOLDER/<clip>/<light>.mkv, or a folder of PNGs of that name.
    """
    protocol, _ = _protocol(name, frames, size)
    expected = expected_videos(protocol, list(inputs_of(protocol, clips)))
    found = check_folder(folder, expected)
    if found:
        raise click.ClickException(
            f"{len(found)} of {len(expected)} results are missing or wrong:\n" + "\n".join(found)
        )
    click.echo(f"{folder}: all {len(expected)} results found, {protocol.frames} frames of {protocol.size} px each")


@benchmark.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a protocol file. A copy with other clips and lights is a protocol, too."""
    click.echo(load_protocol(name)[1].read_text(encoding="utf-8"), nl=False)


def _protocol(name: str, frames: int | None, size: int | None) -> tuple[Protocol, Path]:
    protocol, path = load_protocol(name)
    changes = {key: value for key, value in (("frames", frames), ("size", size)) if value is not None}
    return protocol.model_copy(update=changes), path


def _defaults(protocol: Protocol, path: Path) -> tuple[str, ...]:
    if not protocol.defaults:
        raise UsageError(f"{path}: has no default methods; add `defaults`, or name methods with --methods")
    return protocol.defaults


def _method(text: str) -> tuple[str, Path | None]:
    name, given, folder = text.partition("=")
    if not name or name != Path(name).name:
        raise UsageError(f"--methods {text!r}: expected a name, or NAME=FOLDER")
    return name, Path(folder) if given else None
