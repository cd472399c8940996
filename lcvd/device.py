"""The device that networks run on."""

import torch


def default_device() -> torch.device:
    """The current GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
