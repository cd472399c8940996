"""Progress of a job: on a terminal a bar a phase, into a file or a pipe a line now and then; both tell the time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import click

_LABELS = {"reading": "Reading faces", "sampling": "Relighting", "writing": "Writing"}


EVERY_S = 10.0
"""Seconds between lines, where there is no terminal."""


class Bars:
    """Shows one bar after the other on the error stream; phases are told by `lcvd.relighting.generate.Progress`."""

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
            label = _LABELS.get(phase, phase)
            if sys.stderr.isatty():
                self._bar = click.progressbar(length=total, label=label, show_eta=True, file=sys.stderr)
                self._bar.render_progress()
            else:
                self._bar = _Lines(label, total)
            self._phase = phase
        self._bar.update(done - self._bar.pos)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
        self._bar = self._phase = None


class _Lines:
    """A bar's stand-in for logs: the label, then how far it is every `EVERY_S` seconds."""

    def __init__(self, label: str, total: int) -> None:
        self.pos = 0
        self._label, self._total = label, total
        self._began = self._told = time.monotonic()
        self._say("")

    def update(self, steps: int) -> None:
        self.pos += steps
        now = time.monotonic()
        if 0 < self.pos < self._total and now >= self._told + EVERY_S:
            left = (now - self._began) / self.pos * (self._total - self.pos)
            self._say(f": {self.pos} of {self._total}, about {left:.0f} s left")
            self._told = now

    def render_finish(self) -> None:
        """A log needs no last line: the next phase's says it."""

    def _say(self, text: str) -> None:
        click.echo(self._label + text, err=True)
