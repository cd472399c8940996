"""The collectives of a training run.

Each process sets its own device before the first collective, and each collective names that device. NCCL uses the current
device where none is named: without this, every process of a machine would open its first collective on ``cuda:0``.
"""

import os
from typing import Any

import deepspeed
import torch
from deepspeed.accelerator import get_accelerator
from torch import Tensor, distributed


def start_processes() -> None:
    """Set this process's device (LOCAL_RANK), then join the group that the environment describes (RANK, WORLD_SIZE, ...)."""
    _ranks_of_slurm()
    get_accelerator().set_device(int(os.environ["LOCAL_RANK"]))
    # DeepSpeed would compile its shared-memory communication for CPUs on first start (34 s, needs a C++ compiler). It
    # busy-waits, which on few cores slows the other processes down; gloo without it sleeps.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(verbose=False)


def _ranks_of_slurm() -> None:
    """Take the ranks that ``srun`` gives, where no launcher set torch's own variables."""
    if "RANK" in os.environ or "SLURM_PROCID" not in os.environ:
        return
    for name, given in {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "WORLD_SIZE": "SLURM_NTASKS"}.items():
        os.environ[name] = os.environ[given]


def own_device() -> torch.device:
    """This process's device: ``cuda:LOCAL_RANK``, or ``cpu``."""
    return torch.device(get_accelerator().current_device_name())


def barrier() -> None:
    """Wait until every process has called this."""
    device = own_device()
    distributed.barrier(device_ids=None if device.type == "cpu" else [device.index])


def broadcast(value: Any) -> Any:
    """The first process's `value`, which must be picklable, in every process."""
    values = [value]
    distributed.broadcast_object_list(values, src=0, device=own_device())
    return values[0]


def gather(value: Any) -> list[Any]:
    """Every process's `value`, which must be picklable, by rank. PyTorch takes the current device, which is this process's own."""
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def add_up(values: Tensor) -> Tensor:
    """The sum of `values` over all processes, on this process's device; `values` may be overwritten."""
    values = values.to(own_device())
    distributed.all_reduce(values)
    return values
