"""The GPUs of this machine, and their assignment to workers."""

import os
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVER = Path("/proc/driver/nvidia/gpus")


def devices() -> list[str]:
    """GPUs that this process may use: those in ``CUDA_VISIBLE_DEVICES`` if it is set, else all that NVIDIA's driver lists."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [each.strip() for each in named.split(",") if each.strip() not in ("", "-1")]
    return [str(number) for number in range(len(list(_DRIVER.iterdir())))] if _DRIVER.is_dir() else []


def seats(share: float) -> list[str]:
    """The GPU of each worker that fits if one uses `share` (0 to 1) of a GPU; consecutive workers use different GPUs."""
    return devices() * int(1 / share + 1e-9)
