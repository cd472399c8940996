"""Start a flow as a program: signals, a watched parent, a Prefect server, and expected errors as one message."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from filelock import FileLock, Timeout
from prefect import tags

from lcvd.errors import LcvdError, expected
from tasks.runtime.environment import PARENT_RUN, hide_tracebacks, scratch
from tasks.runtime.orphan_guard import LOADED, end_with_dvc, on_sigterm
from tasks.runtime.server import prefect_server

log = logging.getLogger("lcvd.entry")


class StageError(LcvdError, RuntimeError):
    """A stage or command can't run; the message names the cause and a remedy."""


GRACE_S = 6.0
"""Seconds that a stage has to exit after its `dvc` ended. It has nothing to save, and without the limit Prefect's client
might keep trying to reach a server that has ended."""


@contextlib.contextmanager
def entry(name: str, grace: float = GRACE_S) -> Iterator[None]:
    """Context of a whole program ``python -m flows.<module>``.

    An expected error (`lcvd.errors.expected`) is printed as one message to stderr, and the exit code is 1; all others show
    their traceback. SIGTERM unwinds the stack like Ctrl-C. When the `dvc` that started this process ends, this process ends
    at most `grace` seconds later.
    """
    on_sigterm()
    end_with_dvc(name, grace)
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
    """Context of a flow's call: starts a Prefect server if needed, and tags the run with the run that started it."""
    parent = os.environ.get(PARENT_RUN)
    with prefect_server(), tags(*([f"parent:{parent}"] if parent else [])):
        yield


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Hold the lock `name` of the scratch folder; waits until no other process holds it.

    DVC's own lock isn't enough: it is released when `dvc` is killed, while its stage may still run. The kernel releases this
    lock with the process. Cache entries need no lock, because they are renamed into place.
    """
    path = scratch() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process does this in %s; waiting until it ends", name, scratch())
        held = lock.acquire()
    with held:
        yield
