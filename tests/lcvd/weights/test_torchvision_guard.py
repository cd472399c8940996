"""The guard in a fresh interpreter in which torchvision hasn't been imported yet."""

import importlib.util
import subprocess
import sys

import pytest

SCRIPT = """
from lcvd.weights.torchvision_guard import allow_torchvision
allow_torchvision()
allow_torchvision()
import torch, torchvision
print(torchvision.transforms.functional.resize(torch.zeros(1, 3, 8, 8), [4, 4]).shape)
"""


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="no torchvision: nothing to guard")
def test_torchvision_can_be_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[1, 3, 4, 4]" in done.stdout
