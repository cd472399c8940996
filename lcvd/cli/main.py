"""The command line ``lcvd``: a thin layer over the library, with one module per command."""

import ast
import difflib
import importlib.util
import logging
import sys
import warnings
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import IO, Any

import click

from lcvd.errors import expected

GROUP = "lcvd.commands"
"""Entry-point group with which other packages add commands."""
OWN = (
    "app",
    "benchmark",
    "compare",
    "config",
    "convert",
    "doctor",
    "face-codes",
    "ledger",
    "marked",
    "numbers",
    "plan",
    "relight",
    "sources",
    "studio",
    "study",
)
"""Commands of this package. Each is a function in a module of the same name, with ``_`` for ``-``."""


class _Failed(click.ClickException):
    """An expected error, printed as one message."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to the error stream."""
        click.echo(f"lcvd: {self.message}", err=True)


class _Lazy(click.Group):
    """Imports a command's module when it is called, not when it is listed: most need torch and MediaPipe."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error becomes one message, unless ``--debug`` is given."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            message = expected(error)
            if message is None or ctx.params["debug"]:
                raise
            raise _Failed(message) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_points())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        point = _points().get(name)
        if point is None:
            return None
        command: click.Command = point.load()
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As in click, but an error suggests the command with the most similar name."""
        close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
        if close and args[0] not in _points():
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        points = _points()
        room = formatter.width - 6 - max(map(len, points))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short_help(points[name], room)) for name in self.list_commands(ctx)])


def _points() -> dict[str, EntryPoint]:
    """Every command by name."""
    own = {
        name: EntryPoint(name, f"lcvd.cli.{module}:{module}", GROUP)
        for name in OWN
        for module in [name.replace("-", "_")]
    }
    return {**{point.name: point for point in entry_points(group=GROUP)}, **own}


def _short_help(point: EntryPoint, room: int) -> str:
    """The first sentence of a command's docstring, read from its source without importing it."""
    found = importlib.util.find_spec(point.module)
    if found is None or found.origin is None:
        return ""
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == point.attr]
    text = ast.get_docstring(functions[0]) if functions else None
    return click.Command(point.name, help=text).get_short_help_str(room)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lcvd")
@click.option("--debug", is_flag=True, help="Show the traceback of expected errors, too.")
def cli(debug: bool) -> None:
    """Relight and animate portraits, and manage the pipeline that trains the model."""


def main() -> None:
    """Entry point: an expected error is one message and exit code 1; a programming error keeps its traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    warnings.filterwarnings("ignore", category=UserWarning, module=r"google\.protobuf\.symbol_database")  # MediaPipe's
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)


if __name__ == "__main__":
    main()
