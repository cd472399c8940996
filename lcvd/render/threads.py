"""Process frames in parallel threads. Compiled kernels release the interpreter lock, so plain threads use all cores.

Unlike numba's own thread pools, they are safe inside thread runners and forked workers, and a frame's bytes don't depend on
the number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def thread_count() -> int:
    """Number of threads: ``OMP_NUM_THREADS`` if set, else the number of cores this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_frames(work: Callable[[int], None], frames: int) -> None:
    """Call ``work(t)`` for each frame, and re-raise the first exception."""
    threads = min(thread_count(), frames)
    if threads <= 1:
        for t in range(frames):
            work(t)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(frames)))
