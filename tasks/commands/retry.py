"""``lcvd retry``: process the failed clips of a stage again."""

from pathlib import Path

import click

from lcvd.ledger.rows import read_ledger
from lcvd.ledger.story import STAGES
from tasks.ops.dvc import dvc
from tasks.runtime.orphan_guard import on_sigterm
from tasks.runtime.stage import Stage


@click.command()
@click.argument("stage", type=click.Choice(STAGES))
def retry(stage: str) -> None:
    """Process the failed clips of STAGE again, then bring all stages up to date.

    All other clips are taken from the scratch cache.
    """
    on_sigterm()
    failed = [row for row in read_ledger(Stage(stage).out / "ledger.parquet") if row.status == "failed"]
    if not failed:
        click.echo(f"retry: no clip failed in {stage}")
        return
    click.echo(f"retry: {len(failed)} in {stage}: " + ", ".join(row.id for row in failed))
    dvc("repro", "--single-item", "--force", stage, root=Path.cwd(), emit=click.echo)
    dvc("repro", root=Path.cwd(), emit=click.echo)
