"""Report the throughput of a piece of work: to the log, a file in the scratch folder, and Prefect."""

import contextlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lcvd.config.runner import RunnerSettings
from lcvd.ledger.numbers import Work, note, summary
from lcvd.ledger.tally import Tally, tallied
from tasks.runtime.artifacts import show_numbers
from tasks.runtime.environment import scratch
from tasks.runtime.gpu_slots import devices
from tasks.runtime.runners import cores, threads_of

log = logging.getLogger("lcvd.numbers")


def report(name: str, tally: Tally, wall_s: float, workers: int, runner: RunnerSettings | None = None) -> None:
    """Report the counters of `tally`; `runner` None: a single process. Call it inside a flow."""
    work = Work(
        name=name,
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(),
        kind=runner.kind if runner else "alone",
        workers=workers,
        threads=threads_of(runner) if runner else 0,
        wall_s=wall_s,
        busy_s=tally.busy_s,
        clips=tally.clips,
        computed=tally.computed,
        computed_s=tally.computed_s,
        frames=tally.frames,
        parts=tally.seconds,
    )
    note(scratch(), work)
    log.info("%s: %s", name, summary(work))
    show_numbers(work)


@contextlib.contextmanager
def reported(name: str) -> Iterator[Tally]:
    """Report the block as the work of a single process, without the cache. The block sets the tally's `clips`."""
    began = time.monotonic()
    with tallied() as tally:
        yield tally
    tally.computed, tally.computed_s = tally.clips, 0.0
    report(name, tally, time.monotonic() - began, 1)


def report_training(log_file: Path, since: int, wall_s: float) -> None:
    """Report training, from the lines of its ``speed.jsonl`` after the first `since` bytes."""
    tally = Tally(busy_s=wall_s)
    with contextlib.suppress(FileNotFoundError), log_file.open("rb") as stream:
        stream.seek(since)
        for line in map(json.loads, stream.read().splitlines()):
            waited = line["seconds"] * line["data_wait_share"]
            windows = round(line["clips_per_s"] * line["seconds"])
            tally.add(Tally({"data": waited, "steps": line["seconds"] - waited}, clips=windows))
    tally.computed = tally.clips
    report("train", tally, wall_s, 1)


def machine() -> str:
    """Processor, usable cores and accelerator of this machine."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    gpus = len(devices())
    return f"{name}, {cores()} of {os.cpu_count()} cores" + (f", {gpus} NVIDIA GPUs" if gpus else "")
