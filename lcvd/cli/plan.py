"""``lcvd plan``: predict memory and speed of a training run before any weight is created."""

from pathlib import Path

import click
from pydantic import ValidationError

from lcvd.cli.options import PARAMS
from lcvd.config.io import load_settings
from lcvd.config.train import TrainSettings
from lcvd.train.planner import GPUS, Planner, describe


@click.command()
@click.option("--gpu", type=click.Choice(sorted(GPUS)), default="h100", show_default=True, help="GPU model.")
@click.option("--gpus", type=click.IntRange(min=1), help="Total number of GPUs (default: the settings').")
@PARAMS
def plan(gpu: str, gpus: int | None, params: Path) -> None:
    """Predict memory and speed of a training run, for the settings and for the fastest engine that fits the GPU.

    `lcvd run train` trains.
    """
    settings = load_settings(params).train
    if gpus:
        try:
            settings = TrainSettings.model_validate(settings.model_dump() | {"processes": gpus, "machines": 1})
        except ValidationError as error:
            wrong = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
            raise click.UsageError(f"{params} can't be trained on {gpus} GPUs: {wrong}") from None
    planner = Planner(settings, GPUS[gpu])
    click.echo("As configured:")
    click.echo("\n".join(describe(planner.option(settings.engine), settings)))
    best = planner.best()
    if best is None:
        click.echo(f"\nNothing fits a {gpu}: lower train.model.size or train.model.frames, or use more GPUs.")
        return
    click.echo("\nFastest configuration that fits:")
    click.echo("\n".join(describe(best, settings)))
