"""``lcvd train --plan``: what training would need, before any weight is made."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from lcvd.config.io import load_settings
from lcvd.config.train import TrainSettings
from lcvd.train.planner import GPUS, Planner, describe


@click.command()
@click.option("--plan", is_flag=True, help="Print predicted memory and speed, and the fastest setting that fits.")
@click.option("--gpu", type=click.Choice(sorted(GPUS)), default="h100", show_default=True)
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs in all; left out: those of the settings.")
@click.option("--params", default="params.yaml", show_default=True, type=click.Path(path_type=Path, dir_okay=False))
def train(plan: bool, gpu: str, gpus: int | None, params: Path) -> None:
    """Plan a training run. The run itself is `dvc repro train`, or the flow `train`."""
    if not plan:
        raise click.UsageError("say --plan to see what training would need; `dvc repro train` trains")
    settings = load_settings(params).train
    if gpus:
        try:
            settings = TrainSettings.model_validate(settings.model_dump() | {"processes": gpus, "machines": 1})
        except ValidationError as error:
            wrong = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
            raise click.UsageError(f"{params} can't be trained on {gpus} GPUs: {wrong}") from None
    planner = Planner(settings, GPUS[gpu])
    click.echo("As it is set:")
    click.echo("\n".join(describe(planner.option(settings.engine), settings)))
    best = planner.best()
    if best is None:
        click.echo(f"\nNothing fits a {gpu}: lower train.model.size or train.model.frames, or use more GPUs.")
        return
    click.echo("\nThe fastest that fits:")
    click.echo("\n".join(describe(best, settings)))
