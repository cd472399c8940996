"""``lcvd marked``: look for the invisible watermark in a video or image."""

from pathlib import Path

import click

from lcvd.cli.options import EXISTING_FILE
from lcvd.relighting.output.watermark import found_in


@click.command
@click.argument("file", type=EXISTING_FILE)
def marked(file: Path) -> None:
    """Look in FILE for the invisible watermark of `lcvd relight --mark invisible`. Exit code 1 if there is none."""
    found, searched = found_in(file)
    click.echo(f"{file}: watermark of LCVD found in {found} of {searched} frames examined")
    if not found:
        raise SystemExit(1)
