"""Run a command for each row of a CSV whose columns are the command's options. A failed row doesn't stop the others."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lcvd.errors import expected

_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")
_NOT_IN_ROWS = ("batch", "params", "scratch", "help")


@dataclass(frozen=True)
class Job:
    """One row: the CSV's line number and the equivalent command line."""

    line: int
    words: list[str]
    out: str


def read_batch(ctx: click.Context, path: Path) -> list[Job]:
    """Read the jobs of a CSV. Options of the command line apply to every row that leaves them empty.

    Raises:
        click.UsageError: the file is unreadable, has an unknown column or no row, or two rows write the same file.
    """
    params = {
        param.name.replace("_", "-"): param for param in ctx.command.params if param.name and param.name != "batch"
    }
    columns = {name: param for name, param in params.items() if name not in _NOT_IN_ROWS}
    source = click.core.ParameterSource.COMMANDLINE
    names = {name: str(param.name) for name, param in params.items()}
    given = {name: str(ctx.params[key]) for name, key in names.items() if ctx.get_parameter_source(key) == source}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            header = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(f"{path}: not readable as CSV: {error}") from None
    unknown = [name for name in header if name.strip().replace("_", "-") not in columns]
    if unknown:
        raise click.UsageError(f"{path}: unknown column {unknown[0]!r}; columns are {', '.join(columns)}")
    if len(set(header)) < len(header):
        raise click.UsageError(f"{path}: repeated column: {', '.join(header)}")
    if not rows:
        raise click.UsageError(f"{path}: no rows below the header")
    jobs = [_job(path, line, row, columns, given) for line, row in rows]
    lines: dict[Path, int] = {}
    for job in jobs:
        first = lines.setdefault(Path(job.out).resolve(), job.line)
        if job.out and first != job.line:
            raise click.UsageError(f"{path}: lines {first} and {job.line} both write {job.out}")
    return jobs


def run_batch(ctx: click.Context, jobs: list[Job], work: Callable[[dict[str, Any]], str]) -> None:
    """Run all jobs. `work` takes a row's options and returns a line that describes the result.

    A programming error ends the batch with its traceback.

    Raises:
        click.ClickException: some rows failed. The others are done.
    """
    failed: list[str] = []
    for number, job in enumerate(jobs, 1):
        try:
            with ctx.command.make_context("row", list(job.words), parent=ctx.parent) as row:
                click.echo(f"[{number}/{len(jobs)}] {work(row.params)}")
        except click.ClickException as error:
            failed.append(f"line {job.line} ({job.out}): {error.format_message()}")
        except Exception as error:
            message = expected(error)
            if message is None:
                raise
            failed.append(f"line {job.line} ({job.out}): {message}")
        else:
            continue
        click.echo(f"[{number}/{len(jobs)}] {failed[-1]}", err=True)
    click.echo(f"{len(jobs) - len(failed)} of {len(jobs)} rows done")
    if failed:
        raise click.ClickException("\n  ".join([f"{len(failed)} of {len(jobs)} rows failed:", *failed]))


def _job(path: Path, line: int, row: dict[str, Any], columns: dict[str, click.Parameter], given: dict[str, str]) -> Job:
    if None in row or None in row.values():
        raise click.UsageError(f"{path}: line {line} and the header have different numbers of values")
    values = {name.strip().replace("_", "-"): value.strip() for name, value in row.items()}
    merged = {**given, **{name: value for name, value in values.items() if value}}
    words: list[str] = []
    for name, value in merged.items():
        param = columns.get(name)
        if isinstance(param, click.Argument):
            continue
        if not (isinstance(param, click.Option) and param.is_flag):
            words.append(f"--{name}={value}")
        elif value.lower() in _YES:
            words.append(f"--{name}")
        elif value.lower() not in _NO:
            raise click.UsageError(f"{path}: line {line}: {name} is {value!r}; expected yes or no")
    portrait = merged.get("portrait")
    return Job(line, words + (["--", portrait] if portrait else []), merged.get("out", ""))
