"""Maps a stage's function over chunks of clips on a Prefect task runner, and survives workers that die."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any, Protocol, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import CrashedRun

from lcvd.config.runner import RunnerSettings
from lcvd.ledger.rows import Row, failed
from lcvd.ledger.tally import Tally, tallied
from lcvd.progress import ProgressPrinter
from tasks.runtime.runners import PoolEnded, RunnerError, pool_state, task_runner, workers_of
from tasks.runtime.throughput import report

_DEATHS = ("KilledWorker", "WorkerCrashedError", "OutOfMemoryError")  # of dask and ray, which may not be installed
TRIES_ALONE = 2
POOLS = 3
"""So many pools in a row may break down before a stage gives up."""
LOOK_EVERY_S = 5.0
OUTPUT = "its thread has ended; is this process's output read to its end?"
log = logging.getLogger("lcvd.chunks")


class HasId(Protocol):
    """A source or a clip."""

    @property
    def id(self) -> str:
        """Clip id."""
        ...


Item = TypeVar("Item", bound=HasId)
Call = Callable[[], list[Row]]
Counted = tuple[list[Row], Tally]


def map_chunks(
    function: Callable[..., list[Row]], items: Sequence[Item], *args: Any, runner: RunnerSettings, name: str
) -> list[Row]:
    """One row for each item, in the items' order: ``function(chunk, *args)`` over chunks of ``runner.chunk`` items.

    `function` and `args` must be picklable. At most two chunks a worker are in flight. When a worker dies (out of
    memory, a crash in native code), the chunks in flight are tried again one at a time, and one that kills its worker again
    is halved until the item is found; one that kills two workers alone becomes a failed row. A pool that breaks down by itself is
    replaced. Any other exception of `function` ends the stage. How fast it was is reported under `name`. Call it inside a flow.

    Raises:
        RunnerError: the runner's extra isn't installed, or `POOLS` pools in a row broke down.
        RuntimeError: `function` didn't return exactly one row for each of its items.
    """
    chunks = [list(items[i : i + runner.chunk]) for i in range(0, len(items), runner.chunk)]
    began, most = time.monotonic(), min(workers_of(runner), len(chunks))
    with ProgressPrinter(log.info, unit="clips") as progress:
        progress(name, 0, len(items))
        work = _Work(function, args, runner, name, lambda done: progress(name, done, len(items)))
        while chunks:
            suspects = [chunk for chunk, _ in work.run(chunks, min(most, len(chunks)), 2)]
            asked = {chunk[0].id for chunk in suspects}
            chunks = [chunk for chunk in chunks if chunk[0].id not in work.rows and chunk[0].id not in asked]
            work.one_by_one(suspects)
    if items:
        report(name, work.tally, time.monotonic() - began, most, runner)
    return [work.rows[item.id] for item in items]


class _Work:
    """The rows found so far, and how more are found."""

    def __init__(
        self,
        function: Callable[..., list[Row]],
        args: Any,
        runner: RunnerSettings,
        name: str,
        progress: Callable[[int], None],
    ) -> None:
        self.function, self.args, self.runner, self.name, self.progress = function, args, runner, name, progress
        self.rows: dict[str, Row] = {}
        self.tally = Tally()
        self.breakdowns = 0

    def run(self, chunks: Sequence[list[Item]], workers: int, ahead: int) -> list[tuple[list[Item], BaseException]]:
        """Keep the rows of chunks that succeed; returns those that were in the hands of workers that died."""
        before = len(self.rows)
        deaths: list[tuple[list[Item], BaseException]] = []
        ended: PoolEnded | None = None
        try:
            for index, outcome in _outcomes(self.function, chunks, self.args, self.runner, workers, ahead, self.name):
                if isinstance(outcome, tuple):
                    self._keep(chunks[index], *outcome)
                elif isinstance(outcome, PoolEnded):
                    ended = outcome
                else:
                    deaths.append((chunks[index], outcome))
        except PoolEnded as error:  # it didn't even start
            ended = error
        if ended:
            self.breakdowns = 1 if len(self.rows) > before else self.breakdowns + 1
            if self.breakdowns == POOLS:
                raise RunnerError(
                    f"the pool of workers has broken down time and again ({ended}): run the same command again: what is done "
                    "isn't done twice"
                ) from ended
            log.warning("%s: the pool of workers has broken down (%s): starting another", self.name, ended)
        return deaths

    def one_by_one(self, suspects: list[list[Item]]) -> None:
        """Find out which of these chunks kills its worker, and of such a chunk which item does."""
        tries: Counter[str] = Counter()
        while suspects:
            log.warning("%s: a worker died: trying %s", self.name, _told(suspects))
            deaths = self.run(suspects, 1, 1)
            suspects = [chunk for chunk in suspects if chunk[0].id not in self.rows]
            for chunk, death in deaths:
                suspects.remove(chunk)
                tries[chunk[0].id] += len(chunk) == 1
                if tries[chunk[0].id] == TRIES_ALONE:
                    self._keep(chunk, [_killed(chunk[0], death)], Tally(clips=1))
                else:
                    half = -(-len(chunk) // 2)
                    suspects = [*filter(None, (chunk[:half], chunk[half:])), *suspects]

    def _keep(self, chunk: Sequence[Item], found: list[Row], tally: Tally) -> None:
        _check(self.function, chunk, found)
        self.rows.update({row.id: row for row in found})
        self.tally.add(tally)
        self.progress(len(self.rows))


def _told(chunks: Sequence[Sequence[HasId]]) -> str:
    ids = [item.id for chunk in chunks for item in chunk]
    return f"{ids[0]} alone" if len(ids) == 1 else f"{len(ids)} clips, from {ids[0]}, a chunk of them at a time"


def _outcomes(
    function: Callable[..., list[Row]], chunks: Sequence[Sequence[Item]], args: Any, runner: RunnerSettings, workers: int,
    ahead: int, name: str,
) -> Iterator[tuple[int, Counted | BaseException]]:  # fmt: skip
    """(chunk's index, its rows with what was counted or the death of its worker), as they finish, at most `ahead` a worker in
    flight; after a death nothing more is submitted."""
    done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    todo, dead = iter(range(len(chunks))), False
    running: set[int] = set()
    with task_runner(runner, workers) as pool:
        try:
            while True:
                while not dead and len(running) < ahead * workers and (index := next(todo, None)) is not None:
                    call = functools.partial(function, chunks[index], *args)
                    future = pool.submit(run_chunk, {"call": call, "label": f"{name} {chunks[index][0].id}"})
                    running.add(index)
                    future.add_done_callback(lambda future, index=index: done.put((index, future)))  # type: ignore[misc]
                if not running:
                    return
                if isinstance(found := _next(done, pool), Exception):
                    _kill_workers()
                    yield from ((index, found) for index in sorted(running))
                    return
                index, outcome = found[0], _outcome(found[1])
                running.remove(index)
                dead = dead or not isinstance(outcome, tuple)
                yield index, outcome
        except BaseException:
            _kill_workers()
            raise


def _kill_workers() -> None:
    """Or leaving the pool would wait for their chunks."""
    for process in multiprocessing.active_children():
        process.kill()
        process.join(1)


def _next(done: queue.SimpleQueue[tuple[int, Any]], pool: Any) -> tuple[int, Any] | Exception:
    """The next finished chunk, or why none will come: a worker died and the pool lost what it held, or the pool ended."""
    while True:
        state = pool_state(pool)  # before looking: what was finished by then is in the queue, or will be in a moment
        try:
            return done.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            if state != "works" and state == pool_state(pool):  # asked again: a thread may be about to start
                return PoolEnded(OUTPUT) if state == "ended" else BrokenExecutor("its result was lost")


def _outcome(future: Any) -> Counted | BaseException:
    """Result of a finished chunk, or the exception that tells of a worker's death. Other exceptions are raised."""
    try:
        return future.result()
    except (BrokenExecutor, CrashedRun, MemoryError) as death:
        return death
    except Exception as error:
        if type(error).__name__ in _DEATHS:
            return error
        raise


@task(name="chunk", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def run_chunk(call: Call, label: str) -> Counted:
    """One chunk on a worker: its rows, and where its time went.

    Raises:
        RunnerError: something in the chunk asked its process to exit, which would end the pool's thread in the stage.
    """
    try:
        with tallied() as tally:
            rows = call()
    except SystemExit as error:
        raise RunnerError(
            f"{label}: its worker was asked to exit ({error.code}); is the output of this process read to its end?"
        ) from error
    return rows, tally


def _check(function: Callable[..., list[Row]], chunk: Sequence[HasId], rows: list[Row]) -> None:
    wanted, found = sorted(item.id for item in chunk), sorted(row.id for row in rows)
    if wanted != found:
        raise RuntimeError(
            f"{function.__module__}.{function.__qualname__}: rows {found} for clips {wanted}; one each is needed"
        )


def _killed(item: HasId, death: BaseException) -> Row:
    detail = f"the process that worked on it died each time ({type(death).__name__}): out of memory, or a crash in native code"
    return failed(item.id, "worker-died", f"{detail}; give it more memory and run `lcvd retry`")
