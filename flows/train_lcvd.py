"""Flow `train-lcvd`: all stages in the order of the DVC graph, each run by DVC.

Started by ``python -m flows.train_lcvd [stage ...]``, or as the deployment of the same name, which uses its own worktree.
"""

import argparse
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from tasks.ops.dvc import dvc, reproduce, stages, stale
from tasks.ops.flow_runs import begin, send_notification, within
from tasks.ops.worktree import pinned
from tasks.runtime.entrypoint import StageError, entry, only_one, served

log = logging.getLogger("lcvd.train_lcvd")
_NOTIFY: list[Any] = [send_notification]


@flow(name="train-lcvd", on_completion=_NOTIFY, on_failure=_NOTIFY, on_crashed=_NOTIFY, on_cancellation=_NOTIFY)
def train_lcvd(
    targets: Sequence[str] = (),
    commit: str | None = None,
    experiment: bool = False,
    hours: dict[str, float] | None = None,
    notify: str | None = None,
) -> str | None:
    """Bring `targets` and all stages that they depend on up to date.

    Args:
        targets: names of stages; empty: all stages.
        commit: work in a new worktree at this commit; None: work in the project's folder as it is.
        experiment: save the result as a DVC experiment named after this run, if ``dvc status`` is clean at the end.
        hours: time limits by stage; other stages have none.
        notify: notification block of the Prefect server for the end of the run, such as ``slack-webhook/team``.

    Returns:
        Name of the experiment; None without one.

    Raises:
        StageError: a stage exceeded its time limit, `hours` has a stage that isn't part of the run, the block doesn't exist,
            or files changed during the run.
    """
    hours = hours or {}
    root, name = Path.cwd(), begin(notify)
    with pinned(root, commit, name) if commit else contextlib.nullcontext(root) as place:
        order = stages(place, targets)
        if unknown := sorted(hours.keys() - set(order)):
            raise StageError(f"hours: {unknown[0]!r} found, one of {', '.join(order)} expected")
        for stage in order:
            with within(stage, reproduce, hours.get(stage)) as work:
                work(stage, place)
        if left := stale(place, targets):
            raise StageError(f"files changed during the run, so nothing was saved; dvc status:\n{left}")
        if not experiment:
            return None
        dvc("exp", "save", "--name", name, root=place)
    log.info("saved as DVC experiment %s: `dvc exp apply %s` restores it here", name, name)
    create_markdown_artifact(
        f"`dvc exp apply {name}`", key="experiment", description="Data, code and settings of this run"
    )
    return name


def main() -> None:
    """Run the flow in this folder."""
    parser = argparse.ArgumentParser(prog="python -m flows.train_lcvd", description=main.__doc__)
    parser.add_argument("targets", nargs="*", help="stages (default: all)")
    parser.add_argument("--commit", help="work in a worktree at this commit")
    parser.add_argument("--experiment", action="store_true", help="save the result as a DVC experiment")
    options = parser.parse_args()
    with entry("train-lcvd"), only_one("train-lcvd"), served():
        train_lcvd(options.targets, options.commit, options.experiment)


if __name__ == "__main__":
    main()
