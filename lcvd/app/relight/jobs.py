"""A queue of jobs, which run one at a time in a background thread."""

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lcvd.errors import expected
from lcvd.progress import Progress

Work = Callable[[Progress, Callable[[], bool]], dict[str, Any]]
"""Called with a progress callback and a function that returns whether to stop; returns the result for the page."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """A job. `state` is waiting, running, done, failed or cancelled."""

    kind: str
    work: Work
    plain: Callable[[str], str]
    """Removes server paths from an error message."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: str = "waiting"
    progress: tuple[str, int, int] = ("waiting", 0, 1)
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def open(self) -> bool:
        """Whether the job is waiting or running."""
        return self.state in ("waiting", "running")

    def cancel(self) -> None:
        """Request a stop; the job stops at its next progress report."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()

    def run(self) -> None:
        """Run the job; the outcome is in `state`, `result` and `error`."""
        self.state = "running"
        try:
            result = self.work(self._report, self._stop.is_set)
        except Exception as error:
            message = expected(error)
            if not self.stopping and message is None:
                log.exception("%s failed", self.kind)
                message = "an internal error occurred that is not caused by your files; see the server's log"
            self.error = "" if self.stopping else self.plain(message or "")
            self.state = "cancelled" if self.stopping else "failed"
        else:
            self.result, self.state = result, "done"

    def _report(self, phase: str, done: int, total: int) -> None:
        self.progress = (phase, done, total)


class Queue:
    """Runs one job after another in a thread."""

    def __init__(self) -> None:
        self._jobs: dict[Job, Future[None]] = {}
        self._changing = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "jobs")

    def add(self, job: Job) -> None:
        """Append a job."""
        with self._changing:
            self._jobs[job] = self._thread.submit(self._run, job)

    def cancel(self, job: Job) -> None:
        """Remove a waiting job, or stop a running one."""
        with self._changing:
            job.cancel()
            if job in self._jobs and self._jobs[job].cancel():
                del self._jobs[job]
                job.state = "cancelled"

    def ahead(self, job: Job) -> int:
        """Number of jobs before `job`, including the running one."""
        with self._changing:
            return list(self._jobs).index(job) if job in self._jobs else 0

    def close(self) -> None:
        """Stop all jobs; returns when the running one has stopped."""
        with self._changing:
            for job in self._jobs:
                job.cancel()
        self._thread.shutdown(cancel_futures=True)

    def _run(self, job: Job) -> None:
        job.run()
        with self._changing:
            del self._jobs[job]
