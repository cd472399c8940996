"""``lcvd compare``: two evaluations, metric by metric."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lcvd.errors import FileError
from lcvd.evaluate.compare import changes

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@click.option("--arm", default="model", show_default=True, help="Whose numbers, such as model or codec.")
def compare(before: Path, after: Path, arm: str) -> None:
    """Tell how metrics moved from one evaluation's records.json to another's.

    Refuses numbers that were measured under different protocols, and names the fields.
    """
    found = changes(_arm(before, arm), _arm(after, arm))
    for each in found:
        verdict = "intervals apart" if each.apart else "within the intervals, or none"
        click.echo(f"{each.name:28} {_number(each.before):>10} -> {_number(each.after):>10}   {verdict}")
    for line in dict.fromkeys(line for each in found for line in each.versions):
        click.echo(f"other version: {line}")


def _arm(path: Path, arm: str) -> list[dict[str, Any]]:
    try:
        arms = json.loads(path.read_text(encoding="utf-8"))["arms"]
        return list(arms[arm])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FileError(f"{path}: has no records of arm {arm!r}; name an evaluation's records.json ({error})") from None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
