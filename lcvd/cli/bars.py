"""Progress of a job on the terminal: a bar a phase, with the time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import click

_LABELS = {"reading": "Reading faces", "sampling": "Relighting", "writing": "Writing"}


class Bars:
    """Shows one bar after the other on the error stream; phases are told by `lcvd.relight.generate.Progress`."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._bar: Any = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if phase != self._phase:
            self._close()
            self._bar = click.progressbar(length=total, label=_LABELS.get(phase, phase), show_eta=True, file=sys.stderr)
            self._bar.render_progress()
            self._phase = phase
        self._bar.update(done - self._bar.pos)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
        self._bar = self._phase = None
