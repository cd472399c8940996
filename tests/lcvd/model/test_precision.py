"""The type in which a model runs: from its file's header on a GPU, float32 on a CPU, or as asked for."""

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lcvd.errors import UsageError
from lcvd.model.precision import dtype_for, stored_dtype
from lcvd.weights.strict import ModelError

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def model_in(folder: Path, *dtypes: torch.dtype) -> Path:
    (folder / "unet").mkdir(parents=True)
    tensors = {str(i): torch.zeros(2, dtype=dtype) for i, dtype in enumerate(dtypes)}
    save_file(tensors, folder / "unet/diffusion_pytorch_model.safetensors")
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_auto_is_the_files_type_on_a_gpu_and_float32_on_a_cpu(tmp_path: Path, dtype: torch.dtype) -> None:
    folder = model_in(tmp_path, dtype, dtype)
    assert stored_dtype(folder) == dtype
    assert dtype_for("auto", GPU, folder) == dtype
    assert dtype_for("auto", CPU, folder) == torch.float32


def test_a_type_that_was_asked_for_is_used_and_half_precision_on_a_cpu_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert dtype_for("bf16", GPU, tmp_path) == torch.bfloat16
    assert not caplog.messages
    with caplog.at_level(logging.WARNING):
        assert dtype_for("fp16", CPU, tmp_path) == torch.float16
    assert "times slower than fp32" in caplog.text
    with pytest.raises(UsageError, match="precision: expected one of auto, fp32, bf16, fp16, got 'int8'"):
        dtype_for("int8", GPU, tmp_path)


def test_a_folder_of_mixed_or_missing_or_truncated_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mixed/unet/.*weights of type F16, F32; expected one of .*--precision"):
        dtype_for("auto", GPU, model_in(tmp_path / "mixed", torch.float16, torch.float32))
    assert dtype_for("fp16", GPU, tmp_path / "mixed") == torch.float16
    cut = model_in(tmp_path / "cut", torch.float16) / "unet/diffusion_pytorch_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:20])
    with pytest.raises(ModelError, match="truncated or not a safetensors file"):
        stored_dtype(tmp_path / "cut")
    (tmp_path / "old/unet").mkdir(parents=True)
    (tmp_path / "old/unet/diffusion_pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="not found; .*diffusion_pytorch_model.bin is a pickled file: convert it"):
        stored_dtype(tmp_path / "old")
