"""The benchmark's published loop and the pipeline give the same video; the GPU measurement runs on a CPU with a tiny
model."""

from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.frontier import borders, drift, recipes, seam
from benchmarks.full_size import matrix_peak, measure
from benchmarks.overfit import CLIP, Scene
from benchmarks.published_loop import published_loop, window_starts
from lcvd.config.profiles import profile
from lcvd.config.train import ModelSettings, UNetSettings
from lcvd.model.conditioning import Conditioning
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.windows import windows
from tests.lcvd.model.test_lcvd import trained

UNET = UNetSettings(channels=(32, 32), heads=(1, 1), layers=1, time_ids_dim=32)


def small(**changes: object) -> ModelSettings:
    return profile("demo").train.model.model_copy(
        update={
            "start": "random",
            "size": 64,
            "frames": 6,
            "overlap": 3,
            "unet": UNET,
            "warp_reference": False,
            **changes,
        }
    )


def test_the_plain_loop_and_the_exact_recipe_give_the_same_video() -> None:
    pipe = LCVDPipeline.of(trained(LCVD.fresh(small(), 0)))
    pipe.set_progress_bar_config(disable=True)
    rng = np.random.default_rng(0)
    hints = rng.integers(0, 256, (14, 64, 64, 3), np.uint8)
    reference, mask = hints[5], hints[6, :, :, 0]
    rng3 = torch.Generator().manual_seed(3)
    latents, frames = published_loop(pipe.model, reference, mask, hints, guidance=2.5, generator=rng3, steps=4)

    def ours(output: str, guidance: float = 2.5) -> Any:
        how = {"guidance": guidance, "generator": torch.Generator().manual_seed(3), "recipe": "published", "steps": 4}
        return pipe(Conditioning(reference, mask, hints[0], hints[1:]), **how, output_type=output).frames

    assert float((ours("latent") - latents).abs().max()) < 1e-4 * max(1.0, float(latents.abs().max()))
    assert np.abs(ours("uint8").astype(int) - frames).max() <= 1
    assert float((ours("latent", guidance=2.0) - latents).abs().max()) > 1e-3, "no difference could be seen"


@pytest.mark.parametrize("frames", [16, 17, 26, 100, 101])
def test_the_plain_loops_windows_are_the_published_ones(frames: int) -> None:
    assert window_starts(frames, 16, 6) == (windows(frames, 16, 6)[:, 1] - 1).tolist()


def test_seams_and_drift_of_a_constructed_video() -> None:
    scene = Scene(CLIP)
    truth = scene.frames[1:]
    noise = np.random.default_rng(0).normal(0, 3, truth.shape)
    even = np.clip(truth + noise, 0, 255).astype(np.uint8)
    places = borders(windows(len(truth) + 1, 8, 3))
    assert places[:2] == [4, 6]  # the second window starts at frame 6; frame 5 is the first one after its reference
    assert seam(even, scene, places) == pytest.approx(1, abs=0.1)
    jumping = even.astype(int)
    for place in places[::2]:
        jumping[place + 1 :] += 8 if place % 4 else -8
    assert seam(np.clip(jumping, 0, 255).astype(np.uint8), scene, places) > 1.5
    worse = np.clip(truth + noise * np.linspace(1, 4, len(truth))[:, None, None, None], 0, 255).astype(np.uint8)
    assert abs(drift(even, scene)) < 0.5
    assert drift(worse, scene) < -5


def test_no_recipe_is_measured_twice() -> None:
    found = list(recipes().values())
    assert len(found) == len(set(found))


def test_the_gpu_measurement_runs_on_a_cpu_with_a_small_model() -> None:
    device, dtype = torch.device("cpu"), torch.float32
    peak = matrix_peak(device, dtype, side=256, rounds=2)
    vae = {
        "block_out_channels": (32, 32, 32, 32),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
    }
    latents = profile("paper").train.model.latents
    found = measure(small(frames=4, overlap=2, latents=latents), device, dtype, vae, 3, peak)
    assert peak > 0
    assert found["fast"]["evaluations"] < found["published"]["evaluations"]
    assert found["published"]["evaluations"] == found["published_within_budget"]["evaluations"] == 50
    assert found["micro_step"]["seconds"] > 0
