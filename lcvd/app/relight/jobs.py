"""Work that takes seconds or minutes, one piece at a time, in the order it was asked for."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lcvd.errors import expected
from lcvd.progress import Progress

Work = Callable[[Progress, Callable[[], bool]], dict[str, Any]]
"""Is given what to tell progress to, and what says whether to stop; gives what the page is told at the end."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """One piece of work. `state` goes from waiting over running to done, failed or cancelled."""

    kind: str
    work: Work
    plain: Callable[[str], str]
    """Makes an error's text fit for the one who asked."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: str = "waiting"
    progress: tuple[str, int, int] = ("waiting", 0, 1)
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    def cancel(self) -> None:
        """Ask it to stop; it does so at its next report."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def run(self) -> None:
        """Do it; whatever happens is told in `state` and `error`."""
        self.state = "running"
        try:
            result = self.work(self._report, self._stop.is_set)
        except Exception as error:
            message = expected(error)
            if not self.stopping and message is None:
                log.exception("%s failed", self.kind)
                message = "this went wrong here and not with your files; the server's log tells how"
            self.error = "" if self.stopping else self.plain(message or "")
            self.state = "cancelled" if self.stopping else "failed"
        else:
            self.result, self.state = result, "done"

    def _report(self, phase: str, done: int, total: int) -> None:
        self.progress = (phase, done, total)


class Queue:
    """A thread that does one job after another."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> None:
        """Put it at the end."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Take it out where it waits, stop it where it runs."""
        with self._changed:
            job.cancel()
            if job.state == "waiting" and job in self._jobs:
                self._jobs.remove(job)
                job.state = "cancelled"

    def ahead(self, job: Job) -> int:
        """How many jobs are done before it."""
        with self._changed:
            return self._jobs.index(job) if job in self._jobs else 0

    def close(self) -> None:
        """Stop all; returns when the running one has stopped."""
        with self._changed:
            self._closed = True
            for job in self._jobs:
                job.cancel()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if self._closed:
                    return
                job = self._jobs[0]
                job.state = "running"
            job.run()
            with self._changed:
                self._jobs.remove(job)
