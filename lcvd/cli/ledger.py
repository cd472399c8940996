"""``lcvd ledger``: what happened to each clip."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lcvd.ledger.rows import read_counts
from lcvd.ledger.story import STAGES, last_rows, named_counts, story

_DATA = click.option("--data", default="data", show_default=True, type=click.Path(path_type=Path, file_okay=False))


@click.command()
@click.argument("clip", required=False)
@_DATA
def ledger(clip: str | None, data: Path) -> None:
    """Counts a stage and the last word on every clip; with CLIP, that clip's whole story."""
    if clip:
        for stage, row in story(data, clip):
            click.echo(f"{stage:12} {row.status:9} {row.reason:14} {row.detail}")
            for key, value in row.fields.items():
                click.echo(f"{'':12}   {key}: {json.dumps(value)}")
        return
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        tally = named_counts(read_counts(path)) if path.exists() else {}
        click.echo(f"{stage:12} " + (", ".join(f"{n} {name}" for name, n in tally.items()) or "hasn't run"))
    for id, (stage, row) in last_rows(data).items():
        click.echo(f"  {id:32} {row.status:9} at {stage:12} {row.reason} {row.detail}".rstrip())
