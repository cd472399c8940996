"""Progress with rate and time left: a bar in a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import logging
import sys
from typing import Any

from tqdm import tqdm

from tasks.runtime.supervisor import PROGRESS_EVERY_S

log = logging.getLogger("lcvd.progress")


class _LogLines:
    """A text stream that turns each state of a bar into one log line, the last one once."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        """One state of the bar."""
        state = text.replace("\r", "").strip()
        if state and state.partition("[")[0] != self._last:
            self._last = state.partition("[")[0]
            log.info(state)

    def flush(self) -> None:
        """Log lines are flushed by their handlers."""


def progress(total: int, name: str, unit: str) -> tqdm[Any]:
    """A bar over `total` `unit`s; use it in a `with` block and call ``update(n)``."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=name,
        unit=unit,
        mininterval=0.2 if terminal else PROGRESS_EVERY_S,
        dynamic_ncols=terminal,
        ncols=None if terminal else 80,
        file=None if terminal else _LogLines(),  # type: ignore[arg-type]  # it needs write and flush only
    )
