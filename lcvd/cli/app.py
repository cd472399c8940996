"""``lcvd app``: relight portraits in a browser with a draggable light."""

from pathlib import Path

import click

from lcvd.app.relight.card import about
from lcvd.app.relight.examples import examples_in, packaged
from lcvd.app.relight.make import Maker
from lcvd.app.relight.page import relight_app
from lcvd.app.web import LOOPBACK, serve
from lcvd.cli.options import EXISTING_FOLDER, HOST, MODEL, PRECISION, SCRATCH
from lcvd.relighting.api import checkpoint_here, model_of, settings_here


@click.command
@MODEL
@PRECISION
@click.option(
    "--examples", type=EXISTING_FOLDER, help="Folder of example images and clips (default: packaged examples)."
)
@SCRATCH
@HOST
@click.option("--port", default=8322, show_default=True, type=click.IntRange(0, 65535))
def app(model: str | None, precision: str, examples: Path | None, scratch: Path, host: str, port: int) -> None:
    """Relight portraits in a browser (docs/app.md). Uploads and results are deleted when the command ends."""
    checkpoint = model or checkpoint_here()
    click.echo(f"Loading {checkpoint} ...", err=True)
    loaded = model_of(checkpoint, precision)
    scratch.mkdir(parents=True, exist_ok=True)
    offered = examples_in(examples) if examples else packaged()
    page = relight_app(Maker(loaded, settings_here(loaded)), about(loaded, checkpoint), offered, scratch, host)
    if host not in LOOPBACK:
        click.echo(f"{host}: anyone who can reach this machine can use the page and its computing time", err=True)
    serve(page, host, port, lambda address: click.echo(f"{loaded.name}: {address} (Ctrl-C ends it)"))
