"""``lcvd ledger``: show what happened to each clip."""

import json
from pathlib import Path

import click

from lcvd.cli.options import DATA
from lcvd.ledger.rows import read_counts, read_ledger
from lcvd.ledger.story import STAGES, last_rows, named_counts, story


@click.command()
@click.argument("clip", required=False)
@DATA
@click.option("--lights", is_flag=True, help="Show a histogram of the light directions of the reconstructed clips.")
def ledger(clip: str | None, data: Path, lights: bool) -> None:
    """Show the number of clips by stage and status, and the last status of every clip; with CLIP, all stages of that clip."""
    if lights:
        _lights(data)
        return
    if clip:
        for stage, row in story(data, clip):
            click.echo(f"{stage:12} {row.status:9} {row.reason:14} {row.detail}")
            for key, value in row.fields.items():
                click.echo(f"{'':12}   {key}: {json.dumps(value)}")
        return
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        tally = named_counts(read_counts(path)) if path.exists() else {}
        counts = ", ".join(f"{n} {name}" for name, n in tally.items())
        click.echo(f"{stage:12} {counts or f'not run yet; run `dvc repro {stage}`'}")
    for id, (stage, row) in last_rows(data).items():
        click.echo(f"  {id:32} {row.status:9} at {stage:12} {row.reason} {row.detail}".rstrip())


def _lights(data: Path) -> None:
    from lcvd.light.direction_bins import bin_of, histogram

    rows = [row for row in read_ledger(data / "reconstruct" / "ledger.parquet") if row.status == "kept"]
    tally = histogram([bin_of(row.fields["light_direction"], row.fields["light_contrast"]) for row in rows])
    for name, count in tally.items():
        share = count / max(1, len(rows))
        click.echo(f"{name:14} {count:7} {share:6.1%} {'#' * round(50 * share)}".rstrip())
