"""Maps a stage's function over chunks of clips on a Prefect task runner, and survives workers that die."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any, Protocol, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import CrashedRun

from lcvd.config.settings import RunnerSettings
from lcvd.ledger.rows import Row, failed
from tasks.progress import progress
from tasks.runners import task_runner, workers_of

_DEATHS = ("KilledWorker", "WorkerCrashedError", "OutOfMemoryError")  # of dask and ray, which may not be installed
TRIES_ALONE = 2
log = logging.getLogger("lcvd.chunks")


class HasId(Protocol):
    """A source or a clip."""

    @property
    def id(self) -> str:
        """Clip id."""
        ...


Item = TypeVar("Item", bound=HasId)
Call = Callable[[], list[Row]]


def map_chunks(
    function: Callable[..., list[Row]], items: Sequence[Item], *args: Any, runner: RunnerSettings, name: str
) -> list[Row]:
    """One row for each item, in the items' order: ``function(chunk, *args)`` over chunks of ``runner.chunk`` items.

    `function` and `args` must be picklable. At most two chunks a worker are in flight. When a worker dies (out of
    memory, a crash in native code), the items in flight are tried again, each in a process of its own; one that
    kills two of those becomes a failed row. Any other exception of `function` ends the stage. Call it inside a flow.

    Raises:
        RunnerError: the runner's extra isn't installed.
        RuntimeError: `function` didn't return exactly one row for each of its items.
    """
    chunks = [list(items[i : i + runner.chunk]) for i in range(0, len(items), runner.chunk)]
    rows: dict[str, Row] = {}
    with progress(len(items), name, "clip") as bar:

        def keep(chunk: Sequence[Item], found: list[Row]) -> None:
            _check(function, chunk, found)
            rows.update({row.id: row for row in found})
            bar.update(len(chunk))

        while chunks:
            suspects: list[list[Item]] = []
            workers = min(workers_of(runner), len(chunks))
            for index, outcome in _outcomes(function, chunks, args, runner, workers, name):
                if isinstance(outcome, list):
                    keep(chunks[index], outcome)
                else:
                    suspects.append(chunks[index])
            chunks = [chunk for chunk in chunks if chunk[0].id not in rows and chunk not in suspects]
            for item in [item for chunk in suspects for item in chunk]:
                log.warning("%s: a worker died while %s was in its hands: trying it alone", name, item.id)
                for _ in range(TRIES_ALONE):
                    [(_, outcome)] = _outcomes(function, [[item]], args, runner, 1, name)
                    if isinstance(outcome, list):
                        break
                keep([item], outcome if isinstance(outcome, list) else [_killed(item, outcome)])
    return [rows[item.id] for item in items]


def _outcomes(
    function: Callable[..., list[Row]], chunks: Sequence[Sequence[Item]], args: Any, runner: RunnerSettings, workers: int,
    name: str,
) -> Iterator[tuple[int, list[Row] | BaseException]]:  # fmt: skip
    """(chunk's index, its rows or the death of its worker), as they finish; after a death nothing more is submitted."""
    done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    todo, running, dead = iter(range(len(chunks))), 0, False
    with task_runner(runner, workers) as pool:
        try:
            while True:
                while not dead and running < 2 * workers and (index := next(todo, None)) is not None:
                    call = functools.partial(function, chunks[index], *args)
                    future = pool.submit(run_chunk, {"call": call, "label": f"{name} {chunks[index][0].id}"})
                    running += 1
                    future.add_done_callback(lambda future, index=index: done.put((index, future)))  # type: ignore[misc]
                if not running:
                    return
                index, future = done.get()
                running -= 1
                outcome = _outcome(future)
                dead = dead or not isinstance(outcome, list)
                yield index, outcome
        except BaseException:
            for process in multiprocessing.active_children():  # or leaving the pool would wait for their chunks
                process.kill()
            raise


def _outcome(future: Any) -> list[Row] | BaseException:
    """Rows of a finished chunk, or the exception that tells of a worker's death. Other exceptions are raised."""
    try:
        return future.result()
    except (BrokenExecutor, CrashedRun, MemoryError) as death:
        return death
    except Exception as error:
        if type(error).__name__ in _DEATHS:
            return error
        raise


@task(name="chunk", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def run_chunk(call: Call, label: str) -> list[Row]:
    """One chunk on a worker."""
    return call()


def _check(function: Callable[..., list[Row]], chunk: Sequence[HasId], rows: list[Row]) -> None:
    wanted, found = sorted(item.id for item in chunk), sorted(row.id for row in rows)
    if wanted != found:
        raise RuntimeError(
            f"{function.__module__}.{function.__qualname__}: rows {found} for clips {wanted}; one each is needed"
        )


def _killed(item: HasId, death: BaseException) -> Row:
    detail = f"the process that worked on it died each time ({type(death).__name__}): out of memory, or a crash in native code"
    return failed(item.id, "worker-died", f"{detail}; give it more memory and run `lcvd retry`")
