"""Overhead of the pipeline: scaling over workers, cost of a chunk, of an up-to-date `dvc repro`, and of ledgers.

- ``ratio``: clips per second of stage `filter` with two single-threaded processes on two cores, divided by those of one
  process on one core. Each worker's first clip is excluded because it loads the models. Medians of alternating runs.
- ``ray_ratio``: the same for Ray against processes; null if Ray is not installed.
- ``chunk_ms``: cost of a chunk without work, with one chunk per task run.
- ``repro_s``: a `dvc repro` with nothing to do in a project of `--clips` clips: media, archives of codes and masks,
  contact sheets and shards.
- ``ledger``: seconds and peak memory of operations on ledgers of `--rows` rows, each in its own process.
- ``simulated``: counts after mapping `--clips` clips in chunks of 32, some of which fail, are filtered or kill their
  worker.

The last line is one JSON object.
"""

import argparse
import contextlib
import importlib.util
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.clock import command_line, medians, rounded
from benchmarks.pipeline_parts import (
    Item,
    do_nothing,
    fail_some,
    filter_timed,
    filtered_clips,
    ledger_seconds,
    up_to_date,
)
from lcvd.config.runner import RunnerSettings
from lcvd.ledger.rows import Row
from lcvd.ledger.story import counts
from tasks.runtime.environment import SCRATCH, prepare
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.server import prefect_server

PARTS = ("rates", "chunk", "repro", "ledger", "simulated")
KILLERS = 4


def map_in_flow(function: Callable[..., list[Row]], items: Sequence[Any], *args: Any, **runner: Any) -> list[Row]:
    """Run `map_chunks` in its own flow."""
    from prefect import flow

    @flow(name="benchmark")
    def benchmark() -> list[Row]:
        return map_chunks(function, items, *args, runner=RunnerSettings(**runner), name="benchmark")

    return benchmark()


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Restrict this process and its children to `count` cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:count]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clips_per_s(workers: int, clips: int, kind: str, scratch: Path) -> float:
    """Clips per second, measured after every worker has finished its first clip."""
    with on_cores(workers):
        rows = map_in_flow(filter_timed, filtered_clips(clips, scratch), scratch, kind=kind, workers=workers)
    times = sorted((row.fields["end"], row.fields["pid"]) for row in rows)
    firsts = {pid: end for end, pid in reversed(times)}
    warm = max(firsts.values())
    after = [end for end, _ in times if end > warm]
    return len(after) / (after[-1] - warm)


def rates(clips: int, rounds: int, scratch: Path) -> dict[str, Any]:
    """Scaling over processes and over Ray's workers."""
    ways = [("1 process", 1, "processes"), ("2 processes", 2, "processes")]
    ways += [("2 of ray", 2, "ray")] if importlib.util.find_spec("prefect_ray") else []
    found = medians(
        [
            {
                name: clips_per_s(workers, clips, kind, scratch / f"{turn}-{workers}-{kind}")
                for name, workers, kind in ways
            }
            for turn in range(rounds)
        ]
    )
    ray = found.get("2 of ray")
    return {
        "clips_per_s": rounded(found, 3),
        "ratio": round(found["2 processes"] / found["1 process"], 2),
        "ray_ratio": round(ray / found["2 processes"], 2) if ray else None,
    }


def chunk_cost(chunks: int) -> dict[str, Any]:
    """Wall time in milliseconds of a chunk without work, with two workers."""
    rows = map_in_flow(do_nothing, [Item(f"c{i:06}") for i in range(chunks)], workers=2)
    times = sorted(row.fields["end"] for row in rows)
    return {"chunk_ms": round(1000 * (times[-1] - times[0]) / (chunks - 1), 1)}


def simulated(clips: int) -> dict[str, Any]:
    """A run with known failures; raises AssertionError if a count is wrong."""
    items = [Item(f"c{i:06}") for i in range(clips)]
    killers = [item.id for item in items[clips // 8 + 1 :: clips // KILLERS]]
    wrong = sum(int(id[1:]) % 50 == 0 or int(id[1:]) % 10 == 7 for id in killers)
    assert not wrong, "killers must not be among the failed or filtered items"
    began = time.monotonic()
    rows = map_in_flow(fail_some, items, killers, workers=2, chunk=32)
    seconds = time.monotonic() - began
    failed, dark = len(range(0, clips, 50)), len(range(7, clips, 10))
    wanted = {"kept": clips - failed - dark - len(killers), "failed": failed + len(killers), "filtered": dark,
              "failed:gone": failed, "failed:worker-died": len(killers), "filtered:dark": dark}  # fmt: skip
    tally = counts(rows)
    if tally != wanted or [row.id for row in rows] != [item.id for item in items]:
        raise AssertionError(f"counted {tally}, expected {wanted}")
    return {"simulated": {"clips": clips, "seconds": round(seconds, 1), "counts": tally}}


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """The requested parts."""
    found: dict[str, Any] = {"benchmark": "pipeline", "cores": len(os.sched_getaffinity(0))}
    if "rates" in options.parts:
        found |= rates(options.rate_clips, options.rounds, scratch / "rates")
    if "chunk" in options.parts:
        found |= chunk_cost(options.chunks)
    if "simulated" in options.parts:
        found |= simulated(options.clips)
    if "repro" in options.parts:
        found |= up_to_date(scratch / "project", options.clips)
    if "ledger" in options.parts:
        found |= {"rows": options.rows, "ledger": ledger_seconds(scratch / "ledger", options.rows)}
    return found


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clips", type=int, default=40_000, help="clips of the simulated run and project")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the ledgers")
    parser.add_argument("--rate-clips", type=int, default=40, help="real clips per measurement of rates")
    parser.add_argument("--chunks", type=int, default=400, help="number of chunks without work")
    parser.add_argument("--rounds", type=int, default=3, help="alternating measurements; medians are reported")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        os.environ[SCRATCH] = str(Path(folder) / ".lcvd")
        prepare()
        if options.json:
            logging.disable(logging.CRITICAL)
        with prefect_server():
            found = measure(options, Path(folder))
    if not options.json:
        for name, value in found.items():
            print(f"{name}: {value}")
    sys.stdout.write(json.dumps(found, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
