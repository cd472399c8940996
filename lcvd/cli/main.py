"""The command line ``lcvd``: a thin layer over the library, one module a group of commands."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import entry_points
from typing import ClassVar

import click

from lcvd.cli.compare import compare
from lcvd.cli.config import config
from lcvd.cli.doctor import doctor
from lcvd.cli.ledger import ledger
from lcvd.cli.sources import sources
from lcvd.ledger.rows import ClipError


class _Lazy(click.Group):
    """Loads the commands that need torch and MediaPipe only when they are called, and those that other packages
    register in the group ``lcvd.commands``."""

    _heavy: ClassVar[dict[str, str]] = {
        name: f"lcvd.cli.{name}" for name in ("convert", "evaluate", "app", "relight", "reconstruct", "studio", "study")
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._heavy, *entry_points(group="lcvd.commands").names])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self._heavy:
            module = __import__(self._heavy[name], fromlist=[name])
            return getattr(module, name)
        for point in entry_points(group="lcvd.commands", name=name):
            command: click.Command = point.load()
            return command
        return super().get_command(ctx, name)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lcvd")
def cli() -> None:
    """Relight and animate portraits; look after the pipeline that trains the model."""


for command in (compare, config, doctor, ledger, sources):
    cli.add_command(command)


def main() -> None:
    """Entry point: an expected error is one plain line and exit code 1, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (ValueError, OSError, KeyError, ClipError) as error:
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        click.echo(f"lcvd: {message}", err=True)
        sys.exit(1)
