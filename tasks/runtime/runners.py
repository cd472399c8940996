"""The Prefect task runners of ``runner.kind``, and the number of threads per worker."""

import contextlib
import importlib
import math
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from lcvd.config.runner import RunnerSettings
from lcvd.errors import LcvdError
from tasks.runtime.gpu_slots import VISIBLE, devices, seats
from tasks.runtime.pool_worker import start_worker, without_main

_THREAD_KEYS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class RunnerError(LcvdError, RuntimeError):
    """The task runner of the settings can't be used on this machine."""


class PoolEnded(LcvdError, RuntimeError):
    """The pool's dispatcher thread has exited, so no more chunks will be scheduled.

    Causes: a worker raised SystemExit outside a chunk (Prefect's engine does this on internal errors, Rich on a broken output
    pipe), or a Dask worker died while its cluster started.
    """


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_of(settings: RunnerSettings) -> int:
    """Number of parallel workers; 0 in the settings: one per core, or as many as fit on the GPUs if these are fewer.

    Raises:
        RunnerError: the workers don't fit on this machine's GPUs.
    """
    share = share_of(settings)
    if not share or elsewhere(settings):
        return settings.workers or cores()
    room = len(seats(share))
    if room < max(1, settings.workers):
        wanted = f"{settings.workers} workers" if settings.workers else "a worker"
        raise RunnerError(
            f"params.yaml: runner.gpu_share is {share:g}, and this machine's GPUs ({', '.join(devices()) or 'none'}; "
            f"change {VISIBLE} to use others) have room for {room}, not for {wanted}: change runner.workers or runner.gpu_share"
        )
    return settings.workers or min(cores(), room)


def share_of(settings: RunnerSettings) -> float:
    """Fraction of a GPU per worker; 0: every worker sees all GPUs. null in the settings: the workers are spread evenly."""
    if settings.gpu_share is not None:
        return settings.gpu_share
    gpus = len(devices())
    if not gpus or settings.kind == "threads" or elsewhere(settings):
        return 0.0
    return 1 / math.ceil((settings.workers or cores()) / gpus)


def elsewhere(settings: RunnerSettings) -> str | None:
    """Address of the Ray or Dask cluster from the environment; None: the workers run on this machine."""
    name = {"ray": "RAY_ADDRESS", "dask": "DASK_SCHEDULER_ADDRESS"}.get(settings.kind, "")
    return os.environ.get(name)


def threads_of(settings: RunnerSettings) -> int:
    """Threads per worker. Independent of the number of clips, so that a clip's bytes are, too."""
    return max(1, cores() // workers_of(settings))


@contextlib.contextmanager
def task_runner(settings: RunnerSettings, workers: int) -> Iterator[TaskRunner[Any]]:
    """A started task runner with `workers` workers of `threads_of` threads each.

    Raises:
        RunnerError: the runner needs an extra that isn't installed; the message names it.
        PoolEnded: a Dask worker didn't start.
    """
    env = {key: str(threads_of(settings)) for key in _THREAD_KEYS}
    made = _make(settings, workers, env)
    # Prefect copies this process's environment to each task, where this variable would replace the worker's own.
    hidden: dict[str, str | None] = {VISIBLE: None} if share_of(settings) else {}
    with _environment({**env, **hidden}), without_main(), made as runner, _shares(settings):
        if settings.kind == "dask" and not elsewhere(settings):
            try:
                cast("Any", runner).client  # noqa: B018 # starts the cluster, which otherwise the first chunk does
            except RuntimeError as error:
                raise PoolEnded(f"a Dask worker didn't start: {error}") from error
        if isinstance(runner, ProcessPoolTaskRunner) and (messages := runner._subprocess_message_queue):
            # A worker that is killed while it writes never releases the queue's lock, on which this process would wait at exit.
            messages.cancel_join_thread()
        yield runner


def _make(settings: RunnerSettings, workers: int, env: dict[str, str]) -> TaskRunner[Any]:
    share = share_of(settings)
    gpus = seats(share) if share else []
    if settings.kind == "processes":
        taken = multiprocessing.get_context("spawn").Value("i", 0)
        return ProcessPoolTaskRunner(max_workers=workers, initializer=start_worker, initargs=(os.getpid(), gpus, taken))
    if settings.kind == "threads":
        limit_threads(threads_of(settings))
        return ThreadPoolTaskRunner(max_workers=workers)
    if settings.kind == "ray":
        module = _extra("prefect_ray", "ray")
        # PYTHONPATH: workers of a worktree import the worktree's code instead of the installed one
        variables = {**env, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        options: dict[str, Any] = {"runtime_env": {"env_vars": variables}}
        if address := elsewhere(settings):
            return module.RayTaskRunner(address=address, init_kwargs=options)
        here = {"num_cpus": workers, "include_dashboard": False} | ({"num_gpus": len(devices())} if gpus else {})
        return module.RayTaskRunner(init_kwargs={**options, **here})
    module = _extra("prefect_dask", "dask")
    if address := elsewhere(settings):
        return module.DaskTaskRunner(address=address)
    return module.DaskTaskRunner(cluster_class="distributed.SpecCluster", cluster_kwargs=_dask(workers, env, gpus))


def _dask(workers: int, env: dict[str, str], gpus: list[str]) -> dict[str, Any]:
    """Arguments of a `distributed.SpecCluster` on this machine: workers with one thread and, with `gpus`, one GPU each."""
    from distributed import Nanny, Scheduler

    here: dict[str, Any] = {"nthreads": 1, "dashboard": False, "host": "127.0.0.1"}
    options = [{**here, "env": {**env, VISIBLE: gpus[i]}} if gpus else {**here, "env": env} for i in range(workers)]
    scheduler = {"cls": Scheduler, "options": {"dashboard": False, "host": "127.0.0.1", "port": 0}}
    return {"workers": {i: {"cls": Nanny, "options": each} for i, each in enumerate(options)}, "scheduler": scheduler}


def _shares(settings: RunnerSettings) -> contextlib.AbstractContextManager[Any]:
    """Context in which submitted tasks request their share of a GPU from Ray or Dask."""
    share = share_of(settings)
    if share and settings.kind == "ray":
        options = importlib.import_module("prefect_ray.context").remote_options(num_gpus=share)
    elif share and settings.kind == "dask" and elsewhere(settings):
        options = importlib.import_module("dask").annotate(resources={"GPU": share})
    else:
        return contextlib.nullcontext()
    return cast("contextlib.AbstractContextManager[Any]", options)


def pool_state(runner: TaskRunner[Any]) -> Literal["works", "broken", "ended"]:
    """Whether submitted tasks will finish. "broken": a worker of the process pool died; "ended": its dispatcher thread exited."""
    executor: Any = runner._executor if isinstance(runner, ProcessPoolTaskRunner) else None
    thread = executor._executor_manager_thread if executor else None
    if thread is None or thread.ident is None or thread.is_alive():  # no ident: not started yet
        return "works"
    return "broken" if executor._broken else "ended"


def limit_threads(threads: int) -> None:
    """Limit the threads of libraries that are imported already; others read the environment variables."""
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
def _environment(values: dict[str, str | None]) -> Iterator[None]:
    before = _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set environment variables (None: remove); returns their previous values."""
    before = {key: os.environ.pop(key, None) for key in values}
    os.environ.update({key: value for key, value in values.items() if value is not None})
    return before
