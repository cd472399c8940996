"""``lcvd study``: people judge videos in a browser; what they found, as a table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lcvd.app.study.material import open_study
from lcvd.app.study.page import study_app
from lcvd.app.study.ratings import read
from lcvd.app.study.results import markdown, results
from lcvd.app.web import LOOPBACK
from lcvd.app.web import serve as serve_app

_DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)
_FOLDER = click.argument("folder", type=_DIRECTORY)


@click.group()
def study() -> None:
    """User studies: LA-User, ID-User and VQ-User of any set of videos (docs/study.md)."""


@study.command()
@_FOLDER
@click.option(
    "--host", default=LOOPBACK[0], show_default=True, help="Address to listen at; by default this machine alone."
)
@click.option("--port", default=8321, show_default=True, type=click.IntRange(0, 65535))
def serve(folder: Path, host: str, port: int) -> None:
    """Show the videos of FOLDER, shuffled and without names, and add ratings to FOLDER/ratings.jsonl."""
    found = open_study(folder)
    read(found.ratings)  # a damaged file shows now and not in front of a rater
    if host not in LOOPBACK:
        click.echo(f"{host}: whoever reaches this machine can see the videos and rate them, under any name", err=True)
    said = f"{len(found.trials)} videos of {len(found.methods)} methods"
    serve_app(study_app(found, host), host, port, lambda address: click.echo(f"{said}: {address} (Ctrl-C ends it)"))


@study.command(name="results")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
def results_command(folder: Path, as_json: bool, seed: int) -> None:
    """Mean opinions of each method with 95 % intervals, and how far raters agree."""
    found = results(read(folder / "ratings.jsonl"), seed)
    click.echo(json.dumps(found, indent=1, sort_keys=True) if as_json else markdown(found))
