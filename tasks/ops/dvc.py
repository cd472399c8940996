"""DVC commands as supervised child processes, and stages as Prefect tasks."""

import logging
import re
import sys
from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from prefect import task
from prefect.runtime import flow_run
from prefect.settings import get_current_settings

from tasks.ops.repair_dvc_lock import unlock
from tasks.runtime.environment import PARENT_RUN, SCRATCH, scratch
from tasks.runtime.supervisor import ChildError, supervise

GRACE_S = 35.0  # stage train may use 32 s to save a checkpoint
_EDGE = re.compile(r'"([^"]+)"(?: -> "([^"]+)")?')
_BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")
_OUTER: dict[str, str | None] = dict.fromkeys(("DVC_ROOT", "DVC_STAGE", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"))
"""Unset for child processes: variables of an outer DVC or git hook, which may refer to another repository."""
log = logging.getLogger("lcvd.dvc")


def dvc(*args: str, root: Path, emit: Callable[[str], None] = log.debug, tail: int = 10_000) -> list[str]:
    """Run ``dvc <args>`` in `root`; returns its lines.

    Raises:
        ChildError: it failed.
    """
    unlock(root)
    argv = [sys.executable, "-m", "dvc", *args]
    name = "dvc " + " ".join(args)
    return supervise(argv, name=name, cwd=root, env=child_flow_environment(), emit=emit, grace=GRACE_S, tail=tail)


def git(*args: str, root: Path) -> list[str]:
    """Run ``git <args>`` in `root`; returns its lines."""
    return supervise(["git", *args], name="git " + " ".join(args), cwd=root, env=_OUTER, emit=log.debug, tail=10_000)


def child_flow_environment() -> dict[str, str | None]:
    """Environment variables for flows that this one starts: scratch folder, Prefect server, id of this run."""
    env: dict[str, str | None] = {**_OUTER, SCRATCH: str(scratch())}
    if url := get_current_settings().api.url:
        env["PREFECT_API_URL"] = url
    if run := flow_run.id:
        env[PARENT_RUN] = str(run)
    return env


def stages(root: Path, targets: Sequence[str] = ()) -> list[str]:
    """`targets` (empty: all stages) and the stages that they depend on, in an order of execution."""
    graph: dict[str, set[str]] = {}
    for line in dvc("dag", "--dot", *targets, root=root):
        if match := _EDGE.match(line.strip()):
            first, second = match.groups()
            graph.setdefault(first, set())
            if second:
                graph.setdefault(second, set()).add(first)
    order = TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order()
    return [name for name in order if not name.endswith(".dvc")]  # tracked files aren't stages


def was_busy(task: Any, run: Any, state: Any) -> bool:
    """Retry condition of a task: another `dvc` held the lock."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ChildError) and any(word in line for line in error.tail for word in _BUSY)


@task(
    name="stage",
    task_run_name="{stage}",
    persist_result=False,
    retries=3,
    retry_delay_seconds=10,
    retry_condition_fn=was_busy,
)
def reproduce(stage: str, root: Path) -> None:
    """Run one stage by `dvc repro`, if it isn't up to date. Retried only while DVC is busy."""
    dvc("repro", "--single-item", stage, root=root, emit=logging.getLogger(f"lcvd.{stage}").info, tail=30)


@task(name="stage", task_run_name="evaluate", persist_result=False)
def evaluate(place: Path) -> None:
    """Run stage evaluate in a worktree with its own scratch folder, without DVC's lock, so that it can run during training."""
    own = {**child_flow_environment(), SCRATCH: str(place / ".lcvd")}
    argv = [sys.executable, "-m", "flows.evaluate"]
    supervise(argv, name="evaluate", cwd=place, env=own, emit=logging.getLogger("lcvd.evaluate").info)


def stale(root: Path, targets: Sequence[str] = ()) -> str:
    """Output of ``dvc status`` for `targets` (empty: all stages) and their dependencies; '' if everything is up to date."""
    lines = dvc("status", *(["--with-deps", *targets] if targets else []), root=root)
    return "" if any("up to date" in line for line in lines) else "\n".join(lines)


def bring(root: Path, *targets: str) -> None:
    """Restore committed outputs by `dvc pull` if a default remote is configured, else from the local cache."""
    try:
        remote = dvc("config", "core.remote", root=root)
    except ChildError:
        remote = []
    dvc("pull" if remote else "checkout", *targets, root=root)
