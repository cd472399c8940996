"""Flow `nightly-eval`: evaluate the last committed model in a worktree of its own, and compare it with earlier nights.

``python -m flows.nightly_eval`` here, or the deployment of the same name, on its schedule.
"""

from __future__ import annotations

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from lcvd.evaluate.records_file import read_records
from lcvd.evaluate.regression import history_entry, worsened
from tasks.ops.dvc import bring, evaluate, git
from tasks.ops.history import append_history
from tasks.ops.time_limits import notifier, tell, within
from tasks.ops.worktree import pinned
from tasks.runtime.entrypoint import StageError, entry, only_one, served
from tasks.runtime.environment import outlive_reader, show_messages

HISTORY = Path("data/history/nightly.jsonl")
log = logging.getLogger("lcvd.nightly")


@flow(name="nightly-eval", on_failure=[tell], on_crashed=[tell])
def nightly_eval(commit: str = "HEAD", hours: float | None = None, notify: str | None = None) -> None:
    """Evaluate the model that `commit` holds, append to the history, and fail if a metric worsened beyond its noise.

    Its scratch folder is its own too, so it runs beside a training.

    Args:
        commit: what is evaluated.
        hours: what the evaluation may take.
        notify: notification block of the Prefect server that hears of a failure, as ``slack-webhook/team``.

    Raises:
        StageError: a metric worsened (the message names each), `commit` holds no trained model, the hours are over, or
            there is no such block.
    """
    show_messages()
    outlive_reader()
    if notify:
        notifier(notify)
    root, name = Path.cwd(), f"{flow_run.name}-{str(flow_run.id)[-8:]}"
    with pinned(root, commit, name) as place:
        [sha] = git("rev-parse", "HEAD", root=place)
        if not (place / "dvc.lock").exists():
            raise StageError(f"commit {sha[:10]} has no dvc.lock: train, then commit dvc.lock")
        bring(place, "download", "filter", "reconstruct", "shard", "train")
        with within("evaluate", evaluate, hours) as work:
            work(place)
        records = read_records(place / "data" / "evaluate" / "records.json")
    now = history_entry(sha, datetime.now(UTC).isoformat(timespec="seconds"), records)
    before = append_history(root, HISTORY, now)
    table = [{"metric": metric, "value": found["value"]} for metric, found in now["metrics"].items()]
    create_table_artifact(table, key="nightly", description=f"Commit {sha[:10]}")
    if found := worsened(before, now):
        raise StageError(
            f"the model of commit {sha[:10]} is worse than before:\n" + "\n".join(f"  {each}" for each in found)
        )
    log.info(
        "commit %s: nothing worsened beyond its noise, in comparison with %d earlier evaluations", sha[:10], len(before)
    )


def main() -> None:
    """Evaluate a commit's model as the schedule does."""
    parser = argparse.ArgumentParser(prog="python -m flows.nightly_eval", description=main.__doc__)
    parser.add_argument("--commit", default="HEAD")
    options = parser.parse_args()
    with entry("nightly-eval"), only_one("nightly-eval"), served():
        nightly_eval(options.commit)


if __name__ == "__main__":
    main()
