"""The pipeline's machinery: how clips spread over workers, what a chunk and an up-to-date `dvc repro` cost, ledgers.

``ratio`` is clips a second of stage `filter` with two single-threaded processes on two cores over one on one core, each from a
worker's second clip on (its first one loads the models), alternating, medians. ``ray_ratio`` is the same of Ray over
processes, null where it isn't installed. ``chunk_ms`` is what a chunk costs that does nothing, one a task run. ``repro_s`` is a
`dvc repro` that finds nothing to do in a project of `--clips` clips: their media, archives of codes and masks, contact sheets and shards.
``ledger`` are seconds and peak memory of operations on ledgers of `--rows` rows, each in a process of its own. ``simulated`` maps
`--clips` clips in chunks of 32, of which some fail, are filtered or kill their worker, and counts them. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pipeline_parts import Item, counted, filtered_clips, ledger_seconds, nothing, some_die, up_to_date
from lcvd.config.runner import RunnerSettings
from lcvd.ledger.rows import Row
from lcvd.ledger.story import counts
from tasks.runtime.environment import SCRATCH, prepare
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.server import prefect_server

PARTS = ("rates", "chunk", "repro", "ledger", "simulated")
KILLERS = 4


def mapped(function: Callable[..., list[Row]], items: Sequence[Any], *args: Any, **runner: Any) -> list[Row]:
    """`map_chunks` in a flow of its own."""
    from prefect import flow

    @flow(name="benchmark")
    def benchmark() -> list[Row]:
        return map_chunks(function, items, *args, runner=RunnerSettings(**runner), name="benchmark")

    return benchmark()


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """This process and those that it starts run on so many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:count]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clips_per_s(workers: int, clips: int, kind: str, scratch: Path) -> float:
    """Clips a second from the moment on when every worker has done its first."""
    with on_cores(workers):
        rows = mapped(counted, filtered_clips(clips, scratch), scratch, kind=kind, workers=workers)
    times = sorted((row.fields["end"], row.fields["pid"]) for row in rows)
    firsts = {pid: end for end, pid in reversed(times)}
    warm = max(firsts.values())
    after = [end for end, _ in times if end > warm]
    return len(after) / (after[-1] - warm)


def rates(clips: int, rounds: int, scratch: Path) -> dict[str, Any]:
    """How clips spread over processes, and over Ray's workers."""
    ways = [("1 process", 1, "processes"), ("2 processes", 2, "processes")]
    ways += [("2 of ray", 2, "ray")] if importlib.util.find_spec("prefect_ray") else []
    found: dict[str, list[float]] = {name: [] for name, *_ in ways}
    for turn in range(rounds):
        for name, workers, kind in ways:
            found[name].append(clips_per_s(workers, clips, kind, scratch / f"{turn}-{workers}-{kind}"))
    medians = {name: statistics.median(values) for name, values in found.items()}
    ray = medians.get("2 of ray")
    return {
        "clips_per_s": {name: round(value, 3) for name, value in medians.items()},
        "ratio": round(medians["2 processes"] / medians["1 process"], 2),
        "ray_ratio": round(ray / medians["2 processes"], 2) if ray else None,
    }


def chunk_cost(chunks: int) -> dict[str, Any]:
    """Milliseconds a chunk that does nothing, by the clock, two workers."""
    rows = mapped(nothing, [Item(f"c{i:06}") for i in range(chunks)], workers=2)
    times = sorted(row.fields["end"] for row in rows)
    return {"chunk_ms": round(1000 * (times[-1] - times[0]) / (chunks - 1), 1)}


def simulated(clips: int) -> dict[str, Any]:
    """A run with known failures; raises where a count is another."""
    items = [Item(f"c{i:06}") for i in range(clips)]
    killers = [item.id for item in items[clips // 8 + 1 :: clips // KILLERS]]
    wrong = sum(int(id[1:]) % 50 == 0 or int(id[1:]) % 10 == 7 for id in killers)
    assert not wrong, "killers are told apart from what fails or is filtered anyway"
    began = time.monotonic()
    rows = mapped(some_die, items, killers, workers=2, chunk=32)
    seconds = time.monotonic() - began
    failed, dark = len(range(0, clips, 50)), len(range(7, clips, 10))
    wanted = {"kept": clips - failed - dark - len(killers), "failed": failed + len(killers), "filtered": dark,
              "failed:gone": failed, "failed:worker-died": len(killers), "filtered:dark": dark}  # fmt: skip
    tally = counts(rows)
    if tally != wanted or [row.id for row in rows] != [item.id for item in items]:
        raise AssertionError(f"counted {tally}, expected {wanted}")
    return {"simulated": {"clips": clips, "seconds": round(seconds, 1), "counts": tally}}


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """The parts that were asked for."""
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clips", type=int, default=40_000, help="of the simulated run and project")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the ledgers")
    parser.add_argument("--rate-clips", type=int, default=40, help="real clips of each measurement of rates")
    parser.add_argument("--chunks", type=int, default=400, help="that do nothing")
    parser.add_argument("--rounds", type=int, default=3, help="alternating measurements, of which medians are given")
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
