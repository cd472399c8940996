"""``lcvd study``: user studies in a browser."""

import json
from pathlib import Path

import click

from lcvd.app.study.make import make_study
from lcvd.app.study.material import open_study
from lcvd.app.study.page import study_app
from lcvd.app.study.ratings import read
from lcvd.app.study.results import markdown, results
from lcvd.app.web import LOOPBACK
from lcvd.app.web import serve as serve_app
from lcvd.cli.options import EXISTING_FOLDER, FOLDER, HOST
from lcvd.errors import UsageError

_FOLDER = click.argument("folder", type=EXISTING_FOLDER)


@click.group()
def study() -> None:
    """Run user studies: LA-User, ID-User and VQ-User ratings of any set of videos (docs/study.md)."""


@study.command()
@click.argument("folder", type=FOLDER)
@click.argument("methods", nargs=-1, required=True, metavar="NAME=RESULTS...")
@click.option("--clips", required=True, type=EXISTING_FOLDER, help="Folder of the input videos or images.")
@click.option(
    "--lights", type=EXISTING_FOLDER, help="Folder with an image NAME.png of each light that is not a preset."
)
@click.option("--fps", default=25.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Frame rate.")
def make(folder: Path, methods: tuple[str, ...], clips: Path, lights: Path | None, fps: float) -> None:
    """Make the study FOLDER from the result folders of all methods."""
    named = dict(each.split("=", 1) for each in methods if "=" in each)
    if len(named) < len(methods):
        raise UsageError("methods: expected NAME=RESULTS, each NAME once")
    shots = make_study(folder, {name: Path(results) for name, results in named.items()}, clips, lights, fps)
    click.echo(f"{folder}: {shots} shots of {len(named)} methods; `lcvd study serve {folder}` shows them")


@study.command()
@_FOLDER
@HOST
@click.option("--port", default=8321, show_default=True, type=click.IntRange(0, 65535))
def serve(folder: Path, host: str, port: int) -> None:
    """Serve the videos of FOLDER, shuffled and without names, and append ratings to FOLDER/ratings.jsonl."""
    found = open_study(folder)
    read(found.ratings)  # a damaged file is reported now, not to a rater
    if host not in LOOPBACK:
        click.echo(f"{host}: anyone who can reach this machine can watch the videos and rate them", err=True)
    counts = f"{len(found.trials)} videos of {len(found.methods)} methods"
    serve_app(study_app(found, host), host, port, lambda address: click.echo(f"{counts}: {address} (Ctrl-C ends it)"))


@study.command(name="results")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
def results_command(folder: Path, as_json: bool, seed: int) -> None:
    """Print the mean ratings of each method with 95 % intervals, and the agreement of the raters."""
    found = results(read(folder / "ratings.jsonl"), seed)
    click.echo(json.dumps(found, indent=1, sort_keys=True) if as_json else markdown(found))
