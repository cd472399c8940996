"""Map a stage's function over chunks of clips on a Prefect task runner, and recover from workers that die."""

import functools
import logging
import multiprocessing
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from prefect import task
from prefect.exceptions import CrashedRun

from lcvd.config.runner import RunnerSettings
from lcvd.errors import MachineError, gpu_out_of_memory
from lcvd.ledger.rows import Row, failed
from lcvd.ledger.tally import Tally, tallied
from lcvd.progress import ProgressPrinter
from tasks.runtime.runners import PoolEnded, RunnerError, pool_state, task_runner, workers_of
from tasks.runtime.throughput import report

_DEATHS = BrokenExecutor, CrashedRun, MemoryError
_DEATHS_ELSEWHERE = ("KilledWorker", "WorkerCrashedError", "OutOfMemoryError")
"""Names of the exceptions of Dask, Ray and (out of GPU memory) torch, which aren't imported here."""
TRIES_ALONE = 2
POOLS = 3
"""Number of consecutive pools that fail before the stage fails."""
LOOK_EVERY_S = 5.0
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
    """One row per item, in the same order: ``function(chunk, *args)`` over chunks of ``runner.chunk`` items.

    `function` and `args` must be picklable. At most two chunks per worker are submitted at once. When a worker dies (out of
    memory, a crash in native code), the submitted chunks are retried one at a time. A chunk that kills its worker again is
    halved until the item is found; an item that kills two workers by itself becomes a failed row. A pool that fails for
    another reason is replaced. Any other exception of `function` ends the stage. The throughput is reported under `name`.
    Must be called in a flow.

    Raises:
        RunnerError: the runner's extra isn't installed, or `POOLS` consecutive pools failed.
        MachineError: a clip needs more GPU memory than there is, although it was processed alone.
        RuntimeError: `function` didn't return exactly one row for each of its items.
    """
    chunks = [list(items[i : i + runner.chunk]) for i in range(0, len(items), runner.chunk)]
    began, most = time.monotonic(), min(workers_of(runner), len(chunks))
    with ProgressPrinter(log.info, unit="clips") as progress:
        progress(name, 0, len(items))
        work = _Work(function, args, runner, name, lambda done: progress(name, done, len(items)))
        while chunks:
            suspects = [chunk for chunk, _ in work.run(chunks, min(most, len(chunks)), 2)]
            work.one_by_one(suspects)
            chunks = [chunk for chunk in chunks if chunk[0].id not in work.rows]
    if items:
        report(name, work.tally, time.monotonic() - began, most, runner)
    return [work.rows[item.id] for item in items]


@dataclass
class _Work:
    """The state of `map_chunks`: its arguments and the rows so far."""

    function: Callable[..., list[Row]]
    args: Any
    runner: RunnerSettings
    name: str
    progress: Callable[[int], None]
    rows: dict[str, Row] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    failures: int = 0
    """Number of consecutive pools that failed."""

    def run(self, chunks: Sequence[list[Item]], workers: int, ahead: int) -> list[tuple[list[Item], BaseException]]:
        """Store the rows of chunks that succeed; returns the chunks whose workers died, with the exceptions."""
        before = len(self.rows)
        deaths: list[tuple[list[Item], BaseException]] = []
        try:
            for index, outcome in self._outcomes(chunks, workers, ahead):
                if isinstance(outcome, tuple):
                    self._keep(chunks[index], *outcome)
                else:
                    deaths.append((chunks[index], outcome))
        except PoolEnded as error:
            self.failures = 1 if len(self.rows) > before else self.failures + 1
            if self.failures == POOLS:
                raise RunnerError(
                    f"{POOLS} pools of workers failed in a row ({error}); run the same command again to continue"
                ) from error
            log.warning("%s: the pool of workers failed (%s); starting another", self.name, error)
        return deaths

    def one_by_one(self, suspects: list[list[Item]]) -> None:
        """Retry chunks one at a time, halving those that kill their worker again."""
        tries: Counter[str] = Counter()
        while suspects:
            log.warning("%s: a worker died or ran out of memory; retrying %s", self.name, _described(suspects))
            deaths = self.run(suspects, 1, 1)
            suspects = [chunk for chunk in suspects if chunk[0].id not in self.rows]
            for chunk, death in deaths:
                suspects.remove(chunk)
                tries[chunk[0].id] += len(chunk) == 1
                if len(chunk) == 1 and gpu_out_of_memory(death):
                    raise MachineError(
                        f"{self.name}: {chunk[0].id}: out of GPU memory with a single worker ({death}): end other "
                        "processes on the GPU or use one with more memory, then run the same command again"
                    )
                if tries[chunk[0].id] == TRIES_ALONE:
                    self._keep(chunk, [_killed(chunk[0], death)], Tally(clips=1))
                else:
                    half = -(-len(chunk) // 2)
                    suspects = [*filter(None, (chunk[:half], chunk[half:])), *suspects]

    def _keep(self, chunk: Sequence[Item], found: list[Row], tally: Tally) -> None:
        wanted, ids = sorted(item.id for item in chunk), sorted(row.id for row in found)
        if wanted != ids:
            name = f"{self.function.__module__}.{self.function.__qualname__}"
            raise RuntimeError(f"{name}: rows {ids} for clips {wanted}; expected one each")
        self.rows.update({row.id: row for row in found})
        self.tally.add(tally)
        self.progress(len(self.rows))

    def _outcomes(
        self, chunks: Sequence[list[Item]], workers: int, ahead: int
    ) -> Iterator[tuple[int, Counted | BaseException]]:
        """(chunk's index, its rows and counters or the exception if it died), in the order in which they finish.

        At most `ahead` chunks per worker are submitted at once, and none after a worker dies.
        """
        done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        todo, dead = iter(range(len(chunks))), False
        running: set[int] = set()
        with task_runner(self.runner, workers) as pool:
            try:
                while True:
                    while not dead and len(running) < ahead * workers and (index := next(todo, None)) is not None:
                        call = functools.partial(self.function, chunks[index], *self.args)
                        label = f"{self.name} {chunks[index][0].id}"
                        future = pool.submit(run_chunk, {"call": call, "label": label})
                        running.add(index)
                        future.add_done_callback(lambda future, index=index: done.put((index, future)))  # type: ignore[misc]
                    if not running:
                        return
                    if isinstance(found := _next(done, pool), BrokenExecutor):
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


def _described(chunks: Sequence[Sequence[HasId]]) -> str:
    ids = [item.id for chunk in chunks for item in chunk]
    return f"only {ids[0]}" if len(ids) == 1 else f"{len(ids)} clips, from {ids[0]}, one chunk at a time"


def _kill_workers() -> None:
    """Kill the pool's processes; otherwise leaving the pool would wait for their chunks."""
    for process in multiprocessing.active_children():
        process.kill()
        process.join(1)


def _next(done: queue.SimpleQueue[tuple[int, Any]], pool: Any) -> tuple[int, Any] | BrokenExecutor:
    """The next finished chunk; an exception if there will be none because a worker died.

    Raises:
        PoolEnded: the pool's dispatcher thread has exited.
    """
    while True:
        state = pool_state(pool)  # read before `get`, so finished chunks are still received
        try:
            return done.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            if state != "works" and state == pool_state(pool):  # unchanged: not a thread that is starting
                if state == "ended":
                    raise PoolEnded("the dispatcher thread exited; a broken output pipe can be the cause") from None
                return BrokenExecutor("a result was lost")


def _outcome(future: Any) -> Counted | BaseException:
    """Result of a finished chunk, or the exception of a worker that died. Other exceptions are raised."""
    try:
        return future.result()
    except Exception as error:
        if isinstance(error, _DEATHS) or type(error).__name__ in _DEATHS_ELSEWHERE:
            return error
        raise


@task(name="chunk", task_run_name="{label}", persist_result=False)
def run_chunk(call: Call, label: str) -> Counted:
    """Process one chunk on a worker; returns its rows and counters.

    Raises:
        RunnerError: the chunk raised SystemExit, which would end the pool's thread in the stage.
    """
    try:
        with tallied() as tally:
            rows = call()
    except SystemExit as error:
        raise RunnerError(
            f"{label}: the chunk raised SystemExit ({error.code}); a broken output pipe can be the cause"
        ) from error
    return rows, tally


def _killed(item: HasId, death: BaseException) -> Row:
    detail = f"its worker process died each time ({type(death).__name__}): out of memory, or a crash in native code"
    return failed(item.id, "worker-died", f"{detail}; provide more memory and run `lcvd retry STAGE`")
