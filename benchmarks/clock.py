"""Command line and time measurement of the benchmarks."""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def command_line(doc: str | None, json_help: str = "print nothing but the JSON object") -> argparse.ArgumentParser:
    """A parser that shows `doc` as it is, with the option ``--json``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help=json_help)
    return parser


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of `work`."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Median of each number over all rounds."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def rounded(values: Mapping[str, float], digits: int) -> dict[str, float]:
    """All numbers, rounded to `digits` decimal places."""
    return {name: round(value, digits) for name, value in values.items()}


class Clock:
    """Accumulates the seconds of each named part."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of the block to `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began

    def ms(self, frames: int) -> dict[str, float]:
        """Milliseconds per frame of each part."""
        return {name: 1000 * seconds / frames for name, seconds in self.seconds.items()}
