"""The device that networks run on."""

import torch


def default_device() -> torch.device:
    """The current GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine() -> str:
    """One line with the versions of torch, CUDA and NCCL, and the GPUs."""
    if not torch.cuda.is_available():
        return f"torch {torch.__version__}, no GPU"
    nccl = ".".join(map(str, torch.cuda.nccl.version()))
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"torch {torch.__version__}, CUDA {torch.version.cuda}, NCCL {nccl}, {len(names)} x {names[0]}"
