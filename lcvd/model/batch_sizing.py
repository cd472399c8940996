"""How many rows one call of the network may have within a memory budget, measured at run time."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch

from lcvd.errors import UsageError

GB = 1e9
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_of(work: Callable[[], object], device: torch.device) -> int:
    """Peak of the bytes in use while `work` runs, including what was in use before."""
    _release(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device)
    _RESET.write_text("5")  # resets the kernel's peak to the current resident size
    work()
    return resident("VmHWM")


def rows_within(budget: int, call: Callable[[int], object], device: torch.device, most: int, row: str) -> int:
    """The largest number of rows, at most `most`, with which ``call(rows)`` stays within `budget` bytes, weights included.

    Calls with one row and two rows are measured after a warm-up; memory is assumed to grow linearly.

    Args:
        row: what a row is, for the error message.

    Raises:
        UsageError: one row needs more than `budget`; the message says how much it needs.
    """
    call(1)
    one = peak_of(lambda: call(1), device)
    if one > budget:
        raise UsageError(
            f"memory_budget_gb: {budget / GB:.2f} is too little, {row} needs "
            f"{one / GB:.2f}; raise it, or use a lower precision or enable_model_cpu_offload()"
        )
    if most < 2:
        return 1
    growth = max(peak_of(lambda: call(2), device) - one, 1)
    return max(1, min(most, 1 + (budget - one) // growth))


def _release(device: torch.device) -> None:
    """Return cached memory to the system, so that it isn't counted."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    else:
        ctypes.CDLL(None).malloc_trim(0)


def resident(field: str) -> int:
    """Bytes of a memory field of this process: ``VmRSS`` (resident now) or ``VmHWM`` (its peak)."""
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise UsageError(f"{_STATUS} has no {field}: memory can be measured on Linux only; leave memory_budget_gb out")
