"""The memory budget is kept, decides the batch, and a longer video needs no more: seen from outside, by a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lcvd.model.batch_sizing import peak_of, rows_within

SCRIPT = """
import json, sys, torch
import numpy as np
from lcvd.config.profiles import profile
from lcvd.model.lcvd import LCVD
from lcvd.model.batch_sizing import GB, peak_of
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import LCVDPipeline

torch.set_num_threads(1)
demo = profile("demo").train.model
unet = demo.unet.model_copy(update={"channels": (32, 32), "heads": (1, 1), "layers": 1})
settings = demo.model_copy(update={"start": "random", "unet": unet})
pipe = LCVDPipeline.of(LCVD.fresh(settings, 0))
pipe.set_progress_bar_config(disable=True)
cpu, size = torch.device("cpu"), settings.size
picture = np.zeros((size, size, 3), np.uint8)


class Hints:
    def __init__(self, count): self.count = count
    def __len__(self): return self.count
    def __getitem__(self, indices): return np.zeros((len(indices), size, size, 3), np.uint8)


def run(frames, extra):
    done, budget = [0], (peak_of(lambda: None, cpu) / GB + extra) if extra else None
    def call():
        inputs = Conditioning(picture, picture[..., 0], picture, Hints(frames), Hints(frames))
        pipe(inputs, guidance=2.0, generator=0, steps=1, recipe="published",
             memory_budget_gb=budget, progress=lambda n, _: done.append(n), output_type="latent")
    peak = peak_of(call, cpu)
    return {"budget": budget and budget * GB, "peak": peak, "rows": max(np.diff(done).tolist())}


run(8, None)
print(json.dumps([run(80, 0.1), run(80, 0.4), run(20, None), run(320, None)]))
"""


@pytest.mark.slow
def test_the_budget_is_kept_and_length_costs_no_memory(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    # What was freed goes back to the system at once, so that the peak is what was in use, not what malloc kept by chance.
    exact = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run([sys.executable, script], env=exact, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    small, large, short, long = json.loads(done.stdout.splitlines()[-1])
    for run in (small, large):
        assert run["peak"] <= run["budget"] + 20e6
    assert 1 <= small["rows"] < large["rows"]
    # 300 frames more: latents and what is made of them 30 MB, kept features 10 MB; hints, as floats, would be 60 MB more.
    assert long["peak"] - short["peak"] < 85e6


def test_too_small_a_budget_says_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"memory_budget_gb: 0\.00 is too little, one frame needs \d"):
        rows_within(1000, lambda rows: torch.zeros(rows * 1000), torch.device("cpu"), 4, "one frame")


def test_rows_follow_what_one_more_costs() -> None:
    size = 40_000_000

    def call(rows: int) -> None:
        torch.ones(rows * size // 4)

    device = torch.device("cpu")
    base = rows_within(10**13, call, device, 1, "a row")
    assert base == 1
    one = peak_of(lambda: call(1), device)
    assert rows_within(one + 5 * size + size // 2, call, device, 64, "a row") in (5, 6, 7)
    assert rows_within(10**13, call, device, 64, "a row") == 64
