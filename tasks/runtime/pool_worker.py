"""Start a process of a pool. Imports little, because the process isn't tied to its stage until `start_worker` runs."""

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
    """Initialise a pool process: it is killed when process `parent` ends, ignores Ctrl-C, and logs like its stage.

    Args:
        gpus: the GPU of each worker; empty: the process sees the same GPUs as its stage.
        taken: number of workers that have a GPU already; incremented.
    """
    end_with(parent, grace=0)
    if gpus:
        with taken.get_lock():
            os.environ[VISIBLE] = gpus[taken.value % len(gpus)]
            taken.value += 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from tasks.runtime.environment import hide_tracebacks, show_messages

    show_messages()
    hide_tracebacks()


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Processes that multiprocessing spawns in the block don't import this program's main module first.

    Importing a flow takes seconds, during which workers would outlive a stage that is killed. They don't need the main module:
    cloudpickle sends its objects by value, and all others by the name of their module.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
