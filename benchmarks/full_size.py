"""The full-size network with random weights on a GPU: seconds, peak memory, and fraction of the measured peak matrix
throughput.

Samples 100 frames of 512x512 with the recipes ``published`` and ``fast``, and ``published`` within a memory budget of
10 GB (as in the paper). Also measures a training micro-step of the UNet and its adapters with and without gradient
checkpointing.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.clock import timed
from lcvd.config.train import ImageEncoderSettings, ModelSettings
from lcvd.model.adapter import Adapter
from lcvd.model.conditioning import Conditioning
from lcvd.model.hf_classes import AutoencoderKL, UNetSpatioTemporalConditionModel
from lcvd.model.image_token import new_image_encoder
from lcvd.model.init_weights import unet_config
from lcvd.model.latents import LatentCodec
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline

FRAMES, BUDGET_GB = 100, 10.0
TFLOP_PER_WINDOW = 20.3
"""TFLOP of one UNet call on 16 frames of 512x512 (spec I)."""
SD_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 256,
}


def random_model(settings: ModelSettings, device: torch.device, dtype: torch.dtype, vae: dict[str, Any]) -> LCVD:
    """The architecture of `settings` with random weights on the device and a small image encoder."""
    torch.manual_seed(0)
    with torch.device(device):
        unet = UNetSpatioTemporalConditionModel(**unet_config(settings))
        adapters: dict[str, Adapter] = {name: Adapter(settings.unet.channels[0]) for name in settings.conditions}
        codec = LatentCodec(AutoencoderKL(**vae))
    small = ImageEncoderSettings(
        width=64, layers=2, heads=2, mlp=128, patch=32, projection=settings.image_encoder.projection
    )
    encoder, size, frames = new_image_encoder(small, 0), settings.size, settings.frames
    model = LCVD(unet, adapters, encoder, codec, size=size, frames=frames, overlap=settings.overlap)
    return model.to(device, dtype).eval()


def matrix_peak(device: torch.device, dtype: torch.dtype, side: int = 8192, rounds: int = 20) -> float:
    """TFLOP/s of a large matrix product on this device."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    a @ b
    seconds = seconds_of(lambda: [a @ b for _ in range(rounds)], device)
    return 2 * side**3 * rounds / seconds / 1e12


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of `work`, including its queued work on the device."""
    wait = partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
    wait()
    return timed(lambda: (work(), wait()))[0]


def _peak_gb(device: torch.device) -> float | None:
    return round(torch.cuda.max_memory_allocated(device) / 1e9, 2) if device.type == "cuda" else None


def sampling(pipe: LCVDPipeline, recipe: str, frames: int, peak: float, budget: float | None) -> dict[str, Any]:
    """Sample one video from random images."""
    size, device, rng = pipe.config.size, pipe.model.device, np.random.default_rng(0)
    images = rng.integers(0, 256, (frames + 1, size, size, 3), np.uint8)
    mask = np.full((size, size), 255, np.uint8)
    rows: list[int] = []
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def work() -> None:
        pipe(
            Conditioning(images[0], mask, images[0], images[1:]),
            generator=0,
            guidance=4.5,
            likeness=1.0,
            recipe=recipe,
            memory_budget_gb=budget,
            progress=lambda _, total: rows.append(total),
        )

    seconds = seconds_of(work, device)
    share = rows[-1] * TFLOP_PER_WINDOW / seconds / peak
    return {
        "seconds": round(seconds, 2),
        "evaluations": rows[-1],
        "peak_gb": _peak_gb(device),
        "of_peak": round(share, 3),
    }


def micro_step(model: LCVD, checkpointing: bool) -> dict[str, Any]:
    """Forward and backward pass of one clip; seconds of the second of two runs."""
    device, dtype = model.device, model.unet.dtype
    (model.unet.enable_gradient_checkpointing if checkpointing else model.unet.disable_gradient_checkpointing)()
    model.train()
    side, channels = model.size // 8, model.unet.config["in_channels"]
    x = torch.randn(1, model.frames, channels, side, side, device=device, dtype=dtype)
    token = torch.randn(1, 1, model.unet.config["cross_attention_dim"], device=device, dtype=dtype)
    hints = torch.rand(1, model.frames, 3, model.size, model.size, device=device, dtype=dtype)

    def step() -> None:
        features: dict[str, Tensor] = model.features({"shading": hints, "reference": hints[:, :1]})
        ids = torch.zeros(1, 3, device=device, dtype=dtype)
        model(x, torch.zeros(1, device=device, dtype=dtype), token, ids, features).float().square().mean().backward()
        for weight in model.trainable():
            weight.grad = None

    step()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = seconds_of(step, device)
    model.eval()
    return {"seconds": round(seconds, 3), "peak_gb": _peak_gb(device)}


def run() -> dict[str, Any]:
    """All measurements on the GPU in bfloat16."""
    if not torch.cuda.is_available():
        raise SystemExit("--full needs an NVIDIA GPU: torch.cuda.is_available() is false")
    device = torch.device("cuda")
    return measure(ModelSettings(), device, torch.bfloat16, SD_VAE, FRAMES, matrix_peak(device, torch.bfloat16))


def measure(
    settings: ModelSettings, device: torch.device, dtype: torch.dtype, vae: dict[str, Any], frames: int, peak: float
) -> dict[str, Any]:
    """Sampling and training with the model of `settings`; `peak` in TFLOP/s."""
    model = random_model(settings, device, dtype, vae)
    pipe = LCVDPipeline.of(model)
    pipe.set_progress_bar_config(disable=True)
    sampling(pipe, "fast", 2, peak, None)  # warm-up
    return {
        "benchmark": "full_size",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "matrix_peak_tflops": round(peak, 1),
        "frames": frames,
        "published": sampling(pipe, "published", frames, peak, None),
        "published_within_budget": {"budget_gb": BUDGET_GB} | sampling(pipe, "published", frames, peak, BUDGET_GB),
        "fast": sampling(pipe, "fast", frames, peak, None),
        "micro_step": micro_step(model, checkpointing=False),
        "micro_step_checkpointing": micro_step(model, checkpointing=True),
    }
