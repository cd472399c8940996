"""One line of progress with rate and time left: rewritten in a terminal, now and then a new line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Progress over `total` steps of which `done` are behind us.

    Args:
        every_s: least seconds between lines where the stream isn't a terminal.
    """

    def __init__(
        self, label: str, total: int, done: int = 0, *, stream: TextIO | None = None, every_s: float = 5
    ) -> None:
        self._label, self._total, self._stream = label, total, stream or sys.stderr
        self._first, self._begin = done, time.monotonic()
        self._terminal = self._stream.isatty()
        self._every, self._last = (0.1 if self._terminal else every_s), 0.0

    def update(self, done: int, note: str = "") -> None:
        """`done` steps are behind us; the last one is always shown."""
        now = time.monotonic()
        if done < self._total and now - self._last < self._every:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._begin, 1e-9)
        left = clock((self._total - done) / rate) if rate > 0 else "?"
        line = f"{self._label} {done}/{self._total}  {note}  {rate:.2f}/s  {left} left"
        end = "\n" if not self._terminal or done >= self._total else ""
        self._stream.write(("\r\x1b[K" if self._terminal else "") + line + end)
        self._stream.flush()


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
