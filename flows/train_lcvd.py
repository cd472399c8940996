"""Flow `train-lcvd`: all stages in the order of the DVC graph, each one run through DVC.

``python -m flows.train_lcvd [stage ...]`` here, or the deployment of the same name, which works in a worktree of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from tasks.ops.dvc import reproduce, save_experiment, stages, stale
from tasks.ops.time_limits import notifier, tell, within
from tasks.ops.worktree import pinned
from tasks.runtime.entrypoint import StageError, entry, only_one, served
from tasks.runtime.environment import outlive_reader, show_messages

log = logging.getLogger("lcvd.train_lcvd")


@flow(name="train-lcvd", on_completion=[tell], on_failure=[tell], on_crashed=[tell], on_cancellation=[tell])
def train_lcvd(
    targets: Sequence[str] = (),
    commit: str | None = None,
    experiment: bool = False,
    hours: dict[str, float] | None = None,
    notify: str | None = None,
) -> str | None:
    """Bring `targets` (all stages without any) and what they need up to date.

    Args:
        targets: names of stages.
        commit: work in a worktree of its own at this commit; None works in the project's folder as it is.
        experiment: save the result as a DVC experiment named after this run, if ``dvc status`` is clean at the end.
        hours: what a stage may take, by its name; a stage that isn't named may take any time.
        notify: notification block of the Prefect server that hears how the run ended, as ``slack-webhook/team``.

    Returns:
        The experiment's name.

    Raises:
        StageError: a stage took longer than its hours, `hours` names none that would run, there is no such block, or
            something changed meanwhile.
    """
    show_messages()
    outlive_reader()
    if notify:
        notifier(notify)
    hours = hours or {}
    root, name = Path.cwd(), f"{flow_run.name}-{str(flow_run.id)[-8:]}"
    with pinned(root, commit, name) if commit else contextlib.nullcontext(root) as place:
        order = stages(place, targets)
        if unknown := sorted(hours.keys() - set(order)):
            raise StageError(f"hours: {unknown[0]!r} found, one of {', '.join(order)} expected")
        for stage in order:
            with within(stage, reproduce, hours.get(stage)) as work:
                work(stage, place)
        if left := stale(place, targets):
            raise StageError(f"something changed while this ran, so nothing was saved; dvc status says:\n{left}")
        if not experiment:
            return None
        save_experiment(place, name)
    log.info("saved as DVC experiment %s: `dvc exp apply %s` brings it here", name, name)
    create_markdown_artifact(
        f"`dvc exp apply {name}`", key="experiment", description="Data, code and settings of this run"
    )
    return name


def main() -> None:
    """Run the flow in this folder."""
    parser = argparse.ArgumentParser(prog="python -m flows.train_lcvd", description=main.__doc__)
    parser.add_argument("targets", nargs="*", help="stages; all of them without any")
    parser.add_argument("--commit", help="work in a worktree at this commit")
    parser.add_argument("--experiment", action="store_true", help="save the result as a DVC experiment")
    options = parser.parse_args()
    with entry("train-lcvd"), only_one("train-lcvd"), served():
        train_lcvd(options.targets, options.commit, options.experiment)


if __name__ == "__main__":
    main()
