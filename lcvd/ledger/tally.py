"""Where the time of a piece of work goes: seconds by named part, clips, frames. Costs nothing where nobody counts.

The library says `timed` around what it does and `count_frames` where it decodes; whoever wants to know says `tallied`. What is
counted never reaches an artifact: an artifact's bytes depend on inputs alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was counted. `seconds` by part are disjoint: a part within another isn't the other's time."""

    seconds: dict[str, float] = field(default_factory=dict)
    busy_s: float = 0.0
    """Seconds inside `tallied`, named or not."""
    frames: int = 0
    """Source frames decoded, each time they are."""
    clips: int = 0
    computed: int = 0
    """Clips for which something was made that the cache didn't hold."""
    computed_s: float = 0.0
    """Seconds of those."""
    made: int = 0
    """Cache entries made."""
    inner: list[float] = field(default_factory=list, repr=False)
    """Of each part that is open now, the seconds of parts within."""

    def add(self, other: Tally) -> None:
        """Add what another worker counted."""
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        for name in ("busy_s", "frames", "clips", "computed", "computed_s", "made"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NOW: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count what happens in the block, in this thread."""
    tally, began = Tally(), time.perf_counter()
    token = _NOW.set(tally)
    try:
        yield tally
    finally:
        _NOW.reset(token)
        tally.busy_s += time.perf_counter() - began


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Time of the block counts for `name`, but for that of parts within. Don't yield inside it."""
    tally = _NOW.get()
    if tally is None:
        yield
        return
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
    """The block works on one clip."""
    tally = _NOW.get()
    if tally is None:
        yield
        return
    made, began = tally.made, time.perf_counter()
    try:
        yield
    finally:
        tally.clips += 1
        if tally.made > made:
            tally.computed += 1
            tally.computed_s += time.perf_counter() - began


def count_frames(number: int) -> None:
    """So many source frames were decoded."""
    if tally := _NOW.get():
        tally.frames += number


def count_made() -> None:
    """A cache entry was made."""
    if tally := _NOW.get():
        tally.made += 1
