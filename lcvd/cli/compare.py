"""``lcvd compare``: compare two evaluations metric by metric."""

from pathlib import Path
from typing import Any

import click

from lcvd.cli.options import EXISTING_FILE
from lcvd.errors import UsageError
from lcvd.evaluate.compare import changes
from lcvd.evaluate.records_file import read_records


@click.command()
@click.argument("before", type=EXISTING_FILE)
@click.argument("after", type=EXISTING_FILE)
@click.option("--method", default="lcvd", show_default=True, help="Method to compare, such as lcvd or codec.")
def compare(before: Path, after: Path, method: str) -> None:
    """Compare the metrics of two records.json files of evaluations.

    Refuses metrics measured under different setups and names the fields that differ.
    """
    found = changes(*(_records(path, method) for path in (before, after)))
    for each in found:
        verdict = "intervals don't overlap" if each.apart else "intervals overlap, or there are none"
        click.echo(f"{each.name:28} {_number(each.before):>10} -> {_number(each.after):>10}   {verdict}")
    for line in dict.fromkeys(line for each in found for line in each.versions):
        click.echo(f"different version: {line}")


def _records(path: Path, method: str) -> list[dict[str, Any]]:
    methods = read_records(path)["methods"]
    found: list[dict[str, Any]] = methods.get(method, {}).get("records", [])
    if not found:
        raise UsageError(f"{path}: no records of method {method!r}; it has {', '.join(methods)}")
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
