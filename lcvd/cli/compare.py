"""``lcvd compare``: compare two evaluations metric by metric."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lcvd.cli.options import EXISTING_FILE
from lcvd.errors import FileError
from lcvd.evaluate.compare import changes


@click.command()
@click.argument("before", type=EXISTING_FILE)
@click.argument("after", type=EXISTING_FILE)
@click.option("--arm", default="model", show_default=True, help="Method to compare, such as model or codec.")
def compare(before: Path, after: Path, arm: str) -> None:
    """Compare the metrics of two records.json files of evaluations.

    Refuses metrics measured under different protocols and names the fields that differ.
    """
    found = changes(_arm(before, arm), _arm(after, arm))
    for each in found:
        verdict = "intervals don't overlap" if each.apart else "intervals overlap, or there are none"
        click.echo(f"{each.name:28} {_number(each.before):>10} -> {_number(each.after):>10}   {verdict}")
    for line in dict.fromkeys(line for each in found for line in each.versions):
        click.echo(f"different version: {line}")


def _arm(path: Path, arm: str) -> list[dict[str, Any]]:
    try:
        arms = json.loads(path.read_text(encoding="utf-8"))["arms"]
        return list(arms[arm])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FileError(f"{path}: has no records of arm {arm!r}; name an evaluation's records.json ({error})") from None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
