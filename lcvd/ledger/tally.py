"""Measure a piece of work: seconds by named part, clips and frames.

Library code is wrapped in `timed` and calls `count_frames`; both only count inside `tallied`. The numbers never enter an
artifact, because an artifact's bytes depend on its inputs alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counters of one piece of work. `seconds` by part are disjoint: time of an inner part doesn't count for the outer."""

    seconds: dict[str, float] = field(default_factory=dict)
    busy_s: float = 0.0
    """Seconds inside `tallied`, inside a part or not."""
    frames: int = 0
    """Number of decoded source frames; a frame that is decoded twice counts twice."""
    clips: int = 0
    computed: int = 0
    """Number of clips that needed a new cache entry."""
    computed_s: float = 0.0
    """Seconds spent on those."""
    made: int = 0
    """Number of new cache entries."""
    inner: list[float] = field(default_factory=list, repr=False)
    """Seconds of inner parts, for each part that is running."""

    def add(self, other: Tally) -> None:
        """Add the counters of another worker."""
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        for name in ("busy_s", "frames", "clips", "computed", "computed_s", "made"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NOW: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count the work of the block in this thread."""
    tally, began = Tally(), time.perf_counter()
    token = _NOW.set(tally)
    try:
        yield tally
    finally:
        _NOW.reset(token)
        tally.busy_s += time.perf_counter() - began


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Count the time of the block, without that of inner parts, as part `name`. The block must not yield."""
    tally = _NOW.get() or Tally()
    tally.inner.append(0.0)
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - began
        tally.seconds[name] = tally.seconds.get(name, 0.0) + seconds - tally.inner.pop()
        if tally.inner:
            tally.inner[-1] += seconds


@contextmanager
def clip_counted() -> Iterator[None]:
    """Count the block as the work on one clip."""
    tally = _NOW.get() or Tally()
    made, began = tally.made, time.perf_counter()
    try:
        yield
    finally:
        tally.clips += 1
        if tally.made > made:
            tally.computed += 1
            tally.computed_s += time.perf_counter() - began


def count_frames(number: int) -> None:
    """Count decoded source frames."""
    if tally := _NOW.get():
        tally.frames += number


def count_made() -> None:
    """Count a new cache entry."""
    if tally := _NOW.get():
        tally.made += 1
