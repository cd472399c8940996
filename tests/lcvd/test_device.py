import pytest
import torch

from lcvd.device import default_device


@pytest.mark.parametrize(("gpu", "expected"), [(False, "cpu"), (True, "cuda")])
def test_networks_run_on_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch, gpu: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert default_device() == torch.device(expected)
