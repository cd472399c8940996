"""``lcvd marked``: whether a video or picture carries the invisible mark."""

from __future__ import annotations

from pathlib import Path

import click

from lcvd.relighting.output.watermark import found_in


@click.command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def marked(file: Path) -> None:
    """Look for the invisible mark that `lcvd relight --mark invisible` leaves in FILE; exit code 1 where there is none."""
    found, looked = found_in(file)
    click.echo(f"{file}: marked by LCVD in {found} of {looked} frames that were looked at")
    if not found:
        raise SystemExit(1)
