"""The Prefect task runners that ``runner.kind`` names, and how many threads each of their workers may use."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from lcvd.config.settings import RunnerSettings
from tasks.worker import start_worker, without_main

_THREAD_KEYS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class RunnerError(RuntimeError):
    """The task runner that the settings name can't be used here."""


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_of(settings: RunnerSettings) -> int:
    """Parallel workers; 0 in the settings means one a core."""
    return settings.workers or cores()


def threads_of(settings: RunnerSettings) -> int:
    """Threads a worker: a function of settings and machine alone, so a clip's bytes don't depend on how many clips there are."""
    return max(1, cores() // workers_of(settings))


@contextlib.contextmanager
def task_runner(settings: RunnerSettings, workers: int) -> Iterator[TaskRunner[Any]]:
    """A started task runner with `workers` workers of `threads_of` threads each.

    Raises:
        RunnerError: the runner needs an extra that isn't installed; the message names it.
    """
    env = {key: str(threads_of(settings)) for key in _THREAD_KEYS}
    with _environment(env), without_main(), _make(settings, workers, env) as runner:
        if isinstance(runner, ProcessPoolTaskRunner) and (messages := runner._subprocess_message_queue):
            # A worker killed while it writes keeps the queue's lock for good; at exit this process would wait for it.
            messages.cancel_join_thread()
        yield runner


def _make(settings: RunnerSettings, workers: int, env: dict[str, str]) -> TaskRunner[Any]:
    if settings.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers, initializer=start_worker, initargs=(os.getpid(),))
    if settings.kind == "threads":
        limit_threads(threads_of(settings))
        return ThreadPoolTaskRunner(max_workers=workers)
    if settings.kind == "ray":
        module = _extra("prefect_ray", "ray")
        # PYTHONPATH: a worktree's workers import the worktree's code, not the installed one
        variables = {**env, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        options: dict[str, Any] = {"runtime_env": {"env_vars": variables}}
        if address := os.environ.get("RAY_ADDRESS"):
            return module.RayTaskRunner(address=address, init_kwargs=options)
        return module.RayTaskRunner(init_kwargs={**options, "num_cpus": workers, "include_dashboard": False})
    module = _extra("prefect_dask", "dask")
    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return module.DaskTaskRunner(address=address)
    cluster = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "env": env}
    return module.DaskTaskRunner(cluster_kwargs=cluster)


def pool_state(runner: TaskRunner[Any]) -> Literal["works", "broken", "ended"]:
    """Whether submitted work will still finish: a process pool is broken when a worker died; it has ended when the thread
    that hands out work was ended by something else."""
    executor: Any = runner._executor if isinstance(runner, ProcessPoolTaskRunner) else None
    thread = executor._executor_manager_thread if executor else None
    if thread is None or thread.ident is None or thread.is_alive():  # without an ident it wasn't started yet
        return "works"
    return "broken" if executor._broken else "ended"


def limit_threads(threads: int) -> None:
    """Limit the thread pools of libraries that are loaded already (those loaded later read the environment)."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RunnerError(
            f"params.yaml: runner.kind is {extra!r}, which needs {error.name!r}: pip install 'lcvd[{extra}]', "
            "or use runner.kind: processes"
        ) from None


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
