"""Report how far a job is: one callback type, and one printer for terminals, logs and pipes."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType

Progress = Callable[[str, int, int], None]
"""Called with the name of a phase, the number of finished steps, and the total number of steps."""
EVERY_S = 10.0
"""Seconds between two lines if the output is no terminal."""
_BAR = 20


class ProgressPrinter:
    """Prints each phase of a job with rate and time left: one rewritten line in a terminal, else a line now and then.

    The first and the last state of a phase are always shown. Use it in a `with` block, or call `close` at the end.
    """

    def __init__(
        self, write: Callable[[str], None] | None = None, *, unit: str = "", labels: Mapping[str, str] | None = None
    ) -> None:
        """`write`: prints a line if the error stream is no terminal (default: to the error stream); `unit`: plural name
        of a step; `labels`: text shown in place of a phase's name."""
        self._write = write or _to_stderr
        self._unit = f" {unit}" if unit else ""
        self._labels = labels or {}
        self._terminal = sys.stderr.isatty()
        self._phase: str | None = None
        self._open = False

    def __enter__(self) -> ProgressPrinter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __call__(self, phase: str, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` steps of `phase` are finished; `note`: more to show, such as a loss."""
        now = time.monotonic()
        if phase != self._phase:
            self.close()
            self._phase, self._first, self._began, self._shown = phase, done, now, now
            self._show(self._line(done, total, note, now), last=False)
        elif done >= total or now - self._shown >= (0.1 if self._terminal else EVERY_S):
            self._shown = now
            self._show(self._line(done, total, note, now), last=done >= total)

    def close(self) -> None:
        """End the line of a phase that didn't reach its end."""
        if self._open:
            sys.stderr.write("\n")
        self._phase, self._open = None, False

    def _line(self, done: int, total: int, note: str, now: float) -> str:
        seconds, steps = now - self._began, done - self._first
        parts = [f"{done} of {total}{self._unit}", *([note] if note else [])]
        if steps and seconds:
            parts.append(f"{steps / seconds:.3g}/s")
        if done >= total:
            parts.append(f"took {clock(seconds)}")
        elif steps and seconds:
            parts.append(f"about {clock(seconds / steps * (total - done))} left")
        filled = round(_BAR * done / total) if total else _BAR
        bar = f" [{'#' * filled}{'.' * (_BAR - filled)}]" if self._terminal else ""
        return f"{self._labels.get(self._phase or '', self._phase)}:{bar} " + ", ".join(parts)

    def _show(self, line: str, last: bool) -> None:
        if not self._terminal:
            self._write(line)
            return
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{line[:width]}" + ("\n" if last else ""))
        sys.stderr.flush()
        self._open = not last


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
