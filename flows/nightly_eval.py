"""Flow `nightly-eval`: evaluate the last committed model in its own worktree, and compare it with earlier evaluations.

``python -m flows.nightly_eval`` here, or the deployment of the same name, on its schedule.
"""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from lcvd.evaluate.records_file import read_records
from lcvd.evaluate.regression import history_entry, worsened
from tasks.ops.dvc import bring, evaluate, git
from tasks.ops.flow_runs import begin, send_notification, within
from tasks.ops.history import append_history
from tasks.ops.worktree import pinned
from tasks.runtime.entrypoint import StageError, entry, only_one, served

HISTORY = Path("data/history/nightly.jsonl")
log = logging.getLogger("lcvd.nightly")


@flow(name="nightly-eval", on_failure=[send_notification], on_crashed=[send_notification])
def nightly_eval(commit: str = "HEAD", hours: float | None = None, notify: str | None = None) -> None:
    """Evaluate the model of `commit`, append to the history, and fail if a metric worsened by more than its noise.

    The worktree has its own scratch folder, so that the flow can run during training.

    Args:
        commit: the commit to evaluate.
        hours: time limit of the evaluation.
        notify: notification block of the Prefect server for failures, such as ``slack-webhook/team``.

    Raises:
        StageError: metrics worsened (the message lists them), `commit` has no trained model, the time limit was exceeded,
            or the block doesn't exist.
    """
    root, name = Path.cwd(), begin(notify)
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
        "commit %s: no metric worsened by more than its noise, compared with %d earlier evaluations",
        sha[:10],
        len(before),
    )


def main() -> None:
    """Evaluate the model of a commit."""
    parser = argparse.ArgumentParser(prog="python -m flows.nightly_eval", description=main.__doc__)
    parser.add_argument("--commit", default="HEAD", help="commit to evaluate")
    options = parser.parse_args()
    with entry("nightly-eval"), only_one("nightly-eval"), served():
        nightly_eval(options.commit)


if __name__ == "__main__":
    main()
