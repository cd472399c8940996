"""Time spent in named parts of a run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


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
