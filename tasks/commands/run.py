"""``lcvd run``: bring stages up to date through DVC."""

import difflib
import os
import sys
from pathlib import Path

import click
import yaml

from lcvd.config.io import load_settings
from lcvd.errors import UsageError
from lcvd.evaluate.needs import missing
from tasks.ops.dvc import dvc
from tasks.runtime.entrypoint import StageError
from tasks.runtime.environment import RESUME
from tasks.runtime.orphan_guard import on_sigterm
from tasks.runtime.supervisor import ChildError

PIPELINE, PARAMS = "dvc.yaml", "params.yaml"


@click.command()
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option(
    "-s", "--set", "changes", multiple=True, metavar="KEY=VALUE",
    help="Change a setting, such as train.steps=100, and run as a DVC experiment; repeatable.",
)  # fmt: skip
@click.option(
    "--resume", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Scratch folder of another training run (below .lcvd/train): start from its newest checkpoint.",
)  # fmt: skip
def run(stages: tuple[str, ...], changes: tuple[str, ...], resume: Path | None) -> None:
    """Run STAGE and all stages that it depends on (default: all stages), if they are out of date.

    Equivalent to `dvc repro`, or with --set to `dvc exp run --set-param`, which writes the settings to params.yaml. Ctrl-C
    ends the stage and all its processes. The exit code is DVC's.
    """
    check_stages(stages)
    check_changes(changes)
    parameters = [word for change in changes for word in ("--set-param", change)]
    command = ["exp", "run", *parameters] if changes else ["repro"]
    for line in missing(load_settings(PARAMS)):
        click.echo(f"missing: {line}", err=True)
    if resume:
        os.environ[RESUME] = str(resume.absolute())
    on_sigterm()
    try:
        dvc(*command, *stages, root=Path.cwd(), emit=click.echo)
    except ChildError as error:  # its output was printed already
        sys.exit(error.returncode)


def check_stages(names: tuple[str, ...]) -> None:
    """Check that the pipeline in the working folder has these stages.

    Raises:
        StageError: there is no pipeline.
        UsageError: a stage is unknown; the message suggests the most similar one.
    """
    path = Path(PIPELINE)
    if not path.is_file():
        raise StageError(f"{PIPELINE} not found; run this in the project's folder")
    known = list(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"])
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"stages are {', '.join(known)}"
            raise UsageError(f"unknown stage {name!r}; {hint}")


def check_changes(changes: tuple[str, ...]) -> None:
    """Check that `params.yaml` is valid with these ``key=value`` changes.

    Raises:
        UsageError: a change has no ``=``, its key is unknown (the message suggests the most similar one) or its value invalid.
    """
    values = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}: expected KEY=VALUE")
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--set {change}: the value is not valid YAML; quote it") from None
    load_settings(PARAMS, values)
