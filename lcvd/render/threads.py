"""Frames over threads: compiled kernels release the interpreter lock, so plain threads use all cores.

Unlike the compiler's own thread pools these are safe inside thread runners and forked workers, and a frame's bytes
never depend on how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def thread_count() -> int:
    """Threads to use: ``OMP_NUM_THREADS`` where set, else the cores this process may run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_frames(work: Callable[[int], None], frames: int) -> None:
    """Call ``work(t)`` for each frame; the first exception is raised here."""
    threads = min(thread_count(), frames)
    if threads <= 1:
        for t in range(frames):
            work(t)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(frames)):
            pass
