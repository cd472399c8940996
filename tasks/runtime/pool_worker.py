"""How a process of a pool starts. Imports next to nothing: until `start_worker` runs, nobody ends the process with its stage."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tasks.runtime.gpu_slots import VISIBLE
from tasks.runtime.orphan_guard import end_with

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized


def start_worker(parent: int, gpus: Sequence[str], taken: Synchronized[int]) -> None:
    """First call in a pool process: it dies with its stage at once, leaves Ctrl-C to it, and logs what it logs.

    Of `gpus` it sees the next one that isn't `taken`; with none, it sees what its stage sees.
    """
    end_with(parent, grace=0)
    if gpus:
        with taken.get_lock():
            os.environ[VISIBLE] = gpus[taken.value % len(gpus)]
            taken.value += 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from tasks.runtime.environment import show_messages
    from tasks.runtime.expected_errors import hide_tracebacks

    show_messages()
    hide_tracebacks()


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Processes that multiprocessing spawns meanwhile don't import this program's main module before their first call.

    For a flow's module that takes seconds, in which a killed stage's workers live on. Nothing needs it there: what is sent
    to them by name is in modules, and cloudpickle sends what a main module holds by value.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
