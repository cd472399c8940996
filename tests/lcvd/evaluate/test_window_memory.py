"""A longer clip needs no more memory to be evaluated, but for the small numbers that are kept of each frame."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lcvd.metrics.registry import open_metrics

SIZE, SHORT, LONG = 128, 40, 120
SCRIPT = """
import json, sys, tracemalloc
from pathlib import Path
import numpy as np, torch
from lcvd.config.profiles import profile
from lcvd.evaluate.protocol import Protocol
from lcvd.metrics.registry import open_metrics
from lcvd.evaluate.benchmark import BenchmarkRequest, run_benchmark
from lcvd.evaluate.engine import Engine
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264

torch.set_num_threads(1)
root, size = Path(sys.argv[1]), int(sys.argv[2])
there = np.concatenate([frames for frames, _ in StudioClip("astronaut", 3, "front", 10, 256).render()])
both = np.concatenate([there, there[::-1]])
add, found = Engine.add, []


def traced(*given):
    tracemalloc.start()
    videos = add(*given)
    found.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    return videos


Engine.add = traced
for count in [8, *map(int, sys.argv[3:])]:  # the first loads everything
    place = root / str(count)
    write_h264(place / "clips" / "a.mp4", (both for _ in range(-(-count // len(both)))), 25)
    plan = Protocol(name="m", title="M", task="relight", frames=count, size=size, lights=("left",), metrics=open_metrics())
    run_benchmark(BenchmarkRequest(plan, root, place / "clips", {"sh-ratio": None}, open_metrics(), root, place / "out", place / "cache"), profile("demo"))
print(json.dumps(found[1:]))
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_of_a_clip_a_window_is_held(tmp_path: Path) -> None:
    """`Engine.add` relights a clip, and measures what was made and the input with all open metrics."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(tmp_path), str(SIZE), str(SHORT), str(LONG)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    short, long = json.loads(done.stdout.splitlines()[-1])
    assert len(open_metrics()) >= 6
    assert (long - short) / (LONG - SHORT) < SIZE * SIZE * 3, "more than the pixels of each frame are held"
