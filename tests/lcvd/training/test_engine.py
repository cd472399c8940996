"""Learning rate, DeepSpeed's configuration, averages, progress, the curve, the command."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from lcvd.config.train import OptimiserSettings
from lcvd.training.curve import Curve
from lcvd.training.ema import Average
from lcvd.training.engine import deepspeed_config, learning_rate
from lcvd.training.progress import Progress, clock
from lcvd.training.stage import launch_command, scratch_key
from tests.lcvd.training.conftest import tiny


def test_learning_rate_rises_then_falls_to_zero() -> None:
    settings = OptimiserSettings(lr=1.0, schedule="cosine", warmup=4)
    rates = [learning_rate(step, 24, settings) for step in range(24)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[14] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0062, abs=1e-3)
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))


def test_constant_rate_is_the_papers() -> None:
    assert {learning_rate(step, 30_000, OptimiserSettings()) for step in (0, 1, 29_999)} == {1e-5}


def test_deepspeed_gets_the_settings() -> None:
    config = deepspeed_config(tiny(batch=3, accumulation=5, zero=2).train, parameters=1000)
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 5
    assert config["gradient_clipping"] == 1.0
    assert config["zero_optimization"] == {"stage": 2, "reduce_bucket_size": 1000, "allgather_bucket_size": 1000}


def test_average_follows_and_is_put_back() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    average = Average([parameter], decay=0.9)
    with torch.no_grad():
        parameter.fill_(1.0)
    for step in range(200):
        average.update(step)
    with average.applied():
        assert 0.99 < parameter.min() < 1.0
    assert torch.equal(parameter, torch.ones(3))


def test_without_a_decay_the_weights_are_exported() -> None:
    parameter = nn.Parameter(torch.ones(3))
    average = Average([parameter], decay=0.0)
    average.update(0)
    with average.applied():
        assert torch.equal(parameter, torch.ones(3))
    assert average.values == []


def test_progress_without_a_terminal_is_lines_with_rate_and_time_left() -> None:
    stream = io.StringIO()
    progress = Progress("train", 100, done=10, stream=stream, every_s=0)
    progress.update(40, "loss 0.5")
    assert stream.getvalue().startswith("train 40/100  loss 0.5  ")
    assert stream.getvalue().endswith(" left\n")
    quiet = io.StringIO()
    progress = Progress("train", 3, stream=quiet, every_s=3600)
    for step in (1, 2, 3):
        progress.update(step)
    assert [line.split()[1] for line in quiet.getvalue().splitlines()] == ["1/3", "3/3"]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_resumed_curve_has_the_same_bytes(tmp_path: Path) -> None:
    def points(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    values = [{"step": 10 * i, "loss": 1 / i, "lr": 0.1} for i in (1, 2, 3, 4)]
    whole, resumed = Curve(tmp_path / "a", []), Curve(tmp_path / "b", [])
    for point in values:
        whole.add(**point)
    for point in values[:3]:
        resumed.add(**point)
    resumed = Curve(tmp_path / "b", values[:2])
    for point in values[2:]:
        resumed.add(**point)
    whole.end()
    resumed.end()
    assert points(tmp_path / "a") == points(tmp_path / "b")
    assert "plots/metrics/train/loss.tsv" in points(tmp_path / "a")


def test_command_of_one_and_of_several_processes(tmp_path: Path) -> None:
    places = (tmp_path / "data", tmp_path / "scratch", tmp_path / "out")
    argv, environment = launch_command(tiny(), *places, cuda=False)
    assert "deepspeed.launcher.runner" not in argv
    assert environment["WORLD_SIZE"] == "1"
    assert environment["DS_ACCELERATOR"] == "cpu"
    argv, environment = launch_command(tiny(processes=4), *places, cuda=True)
    assert argv[argv.index("--num_accelerators") + 1] == "4"
    assert "WORLD_SIZE" not in environment
    assert "DS_ACCELERATOR" not in environment


def test_scratch_is_keyed_by_seed_settings_and_shards(shards: Path) -> None:
    keys = {
        scratch_key(settings, shards)
        for settings in (tiny(), tiny(steps=7), tiny(processes=2), tiny().model_copy(update={"seed": 5}))
    }
    assert len(keys) == 4
    assert scratch_key(tiny(), shards) in keys
