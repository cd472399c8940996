"""How a flow starts as a program: signals, a watched parent, a Prefect server, expected errors in plain words."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from filelock import FileLock, Timeout
from prefect import tags

from lcvd.errors import LcvdError, expected
from tasks.runtime.environment import PARENT_RUN, scratch
from tasks.runtime.expected_errors import hide_tracebacks
from tasks.runtime.orphan_guard import LOADED, dvc_here, end_with, on_sigterm
from tasks.runtime.server import prefect_server

log = logging.getLogger("lcvd.entry")


class StageError(LcvdError, RuntimeError):
    """Work can't be done; the message says why and what to do next."""


GRACE_S = 6.0
"""What a stage gets to unwind after its `dvc` ended. There is nothing to save, and Prefect's client may meanwhile ask for long
for a server that is gone."""


@contextlib.contextmanager
def entry(name: str, grace: float = GRACE_S) -> Iterator[None]:
    """Around all of ``python -m flows.<module>``: an expected error is one message on stderr, exit code 1.

    SIGTERM unwinds like Ctrl-C; when the `dvc` that started this process ends, so does this process, `grace` seconds later at
    the latest. Expected errors (`lcvd.errors.expected`) show no traceback, all others do.
    """
    on_sigterm()
    dvc = dvc_here(name)
    if dvc is not None:
        end_with(dvc, grace)
    LOADED.set()
    hide_tracebacks()
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        message = expected(error)
        if message is None:
            raise
        print(f"{name}: {message}", file=sys.stderr, flush=True)
        sys.exit(1)


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Around a flow's call: a Prefect server is there, and the run is tagged with the run that started it."""
    with prefect_server(), tags(*_parent()):
        yield


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """One process of this name in a scratch folder: whoever kills `dvc` frees DVC's own lock while a stage still runs.

    Freed by the kernel with the process. Cache entries need no lock, they are made aside and renamed.
    """
    path = scratch() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process does this in %s; waiting until it ends", name, scratch())
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _parent() -> list[str]:
    return [f"parent:{os.environ[PARENT_RUN]}"] if PARENT_RUN in os.environ else []
