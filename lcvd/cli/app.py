"""``lcvd app``: relight in a browser, with a light that can be dragged."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.app.relight.card import about
from lcvd.app.relight.examples import examples_in, packaged
from lcvd.app.relight.make import Maker
from lcvd.app.relight.page import relight_app
from lcvd.app.web import LOOPBACK, serve
from lcvd.relighting.api import SCRATCH, TRAINED, checkpoint_here, model_of, settings_here


@click.command
@click.option(
    "--model", help=f"A folder, small, or owner/name on a hub (default: {TRAINED} if it is there, else small)."
)
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of pictures and clips to offer (default: those that installed packages carry).",
)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False),
    default=SCRATCH,
    show_default=True,
    envvar="LCVD_SCRATCH",
    help="Where uploads and results lie while it runs; they are deleted at its end.",
)
@click.option(
    "--host", default=LOOPBACK[0], show_default=True, help="Address to listen at; by default this machine alone."
)
@click.option("--port", default=8322, show_default=True, type=click.IntRange(0, 65535))
def app(model: str | None, examples: Path | None, scratch: Path, host: str, port: int) -> None:
    """Relight portraits in a browser (docs/app.md)."""
    checkpoint = model or checkpoint_here()
    click.echo(f"Loading {checkpoint} ...", err=True)
    loaded = model_of(checkpoint)
    scratch.mkdir(parents=True, exist_ok=True)
    offered = examples_in(examples) if examples else packaged()
    page = relight_app(Maker(loaded, settings_here()), about(loaded, checkpoint), offered, scratch, host)
    if host not in LOOPBACK:
        click.echo(f"{host}: whoever reaches this machine can use the page, and its processor", err=True)
    serve(page, host, port, lambda address: click.echo(f"{loaded.name}: {address} (Ctrl-C ends it)"))
