"""Learning rate, DeepSpeed's configuration, averages, progress, the curve, the command."""

from __future__ import annotations

import importlib.util
import io
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.launcher.runner import parse_args
from pydantic import ValidationError
from torch import nn

from lcvd.config.settings import Settings
from lcvd.config.train import ModelSettings, OptimiserSettings, UNetSettings
from lcvd.model.lcvd import LCVD
from lcvd.train.ema import Average
from lcvd.train.engine import deepspeed_config, learning_rate, recompute
from lcvd.train.flops import meta_unet, unet_inputs, work_of
from lcvd.train.loss_curve import Curve
from lcvd.train.progress import Progress, clock
from lcvd.train.stage import launch_command, scratch_key
from tests.lcvd.train.conftest import tiny


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
    config = deepspeed_config(tiny(batch=3, global_batch=15, engine={"zero": 2}).train, parameters=1000)
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 5
    assert config["gradient_clipping"] == 1.0
    assert config["zero_optimization"] == {"stage": 2, "reduce_bucket_size": 1000, "allgather_bucket_size": 1000}
    assert "checkpoint" not in config


def test_deepspeed_offloads_what_the_settings_say() -> None:
    optimiser = {"name": "adamw"}
    for offload, expected in (("optimiser", {"offload_optimizer"}), ("all", {"offload_optimizer", "offload_param"})):
        engine = {"zero": 3, "offload": offload}
        zero = deepspeed_config(tiny(engine=engine, optimiser=optimiser).train, 1000)["zero_optimization"]
        assert {key for key in zero if key.startswith("offload")} == expected
        assert all(zero[key]["device"] == "cpu" for key in expected)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"global_batch": 7, "batch": 2}, r"global_batch \(7\) isn't a multiple of .* \(2 x 1 x 1 = 2\)"),
        ({"global_batch": 8, "processes": 3}, r"\(1 x 3 x 1 = 3\)"),
        ({"engine": {"zero": 4}}, "engine.zero"),
        ({"engine": {"zer": 1}}, "Extra inputs"),
        ({"engine": {"zero": 0, "offload": "optimiser"}}, "needs engine.zero 1, 2 or 3"),
        ({"engine": {"zero": 2, "offload": "all"}}, "needs engine.zero 3"),
        ({"engine": {"zero": 3, "compile": True}}, "engine.compile"),
        ({"engine": {"zero": 3}, "optimiser": {"ema": 0.9}}, "set optimiser.ema to 0"),
        ({"engine": {"zero": 3}, "optimiser": {}, "watch": {"video_every": 5}}, "set watch.video_every to 0"),
        ({"engine": {"zero": 1, "offload": "optimiser"}, "optimiser": {"name": "adamw8bit"}}, "set optimiser.name"),
        ({"precision": "fp16"}, "set engine.zero to 1, 2 or 3"),
    ],
)
def test_bad_settings_are_refused_when_they_are_read(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny(**bad)


def test_packages_that_arent_there_are_named_before_anything_is_loaded(tmp_path: Path) -> None:
    if importlib.util.find_spec("wandb"):
        pytest.skip("wandb is installed")
    with pytest.raises(ModuleNotFoundError, match="train.watch.trackers needs wandb.*pip install wandb"):
        launch_command(tiny(watch={"trackers": ["wandb"]}), tmp_path, tmp_path / "scratch", tmp_path, devices=0)
    assert not (tmp_path / "scratch").exists()


def test_levels_of_largest_pictures_are_computed_again() -> None:
    shape = tiny().train.model.model_copy(
        update={"unet": UNetSettings(channels=(32, 32, 32), heads=(1, 1, 1), layers=1, time_ids_dim=8)}
    )
    unet = meta_unet(shape)
    for levels, expected in ((0, set()), (1, {"down0", "up2"}), (2, {"down0", "up2", "down1", "up1"}), (9, None)):
        recompute(unet, levels)
        blocks = {f"down{i}": b for i, b in enumerate(unet.down_blocks)} | {f"up{i}": b for i, b in enumerate(unet.up_blocks)} | {"mid": unet.mid_block}  # fmt: skip
        on = {name for name, block in blocks.items() if block.gradient_checkpointing}
        assert on == (set(blocks) if expected is None else expected)


def test_computing_again_changes_no_gradient() -> None:
    """Against the same backward pass with everything kept."""
    shape = tiny().train.model
    gradients = []
    for levels in (0, 1, 2):
        model = LCVD.fresh(shape, 0)
        recompute(model.unet, levels)
        model.train()
        x, sigma, token, ids = (torch.ones_like(t) for t in unet_inputs(shape, device="cpu"))
        model.unet(x, sigma, token, ids, return_dict=False)[0].square().mean().backward()
        gradients.append([p.grad for p in model.unet.parameters()])
    for other in gradients[1:]:
        for a, b in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(a, b)


def test_the_full_size_steps_work_is_the_specs() -> None:
    """20.3 TFLOP forward, 60.9 with the backward pass, 81.2 when everything is computed again (spec I)."""
    work = work_of(ModelSettings())
    assert work.unet == pytest.approx(20.3e12, rel=0.005)
    assert work.adapters == pytest.approx(0.040e12, rel=0.02)
    assert work.step(0) == pytest.approx(60.9e12, rel=0.005)
    assert work.step(4) == pytest.approx(81.2e12, rel=0.005)
    assert work.step(1) < work.step(2) < work.step(4) == work.step(9)


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
    argv, environment = launch_command(tiny(), *places, devices=0)
    assert "deepspeed.launcher.runner" not in argv
    assert environment["WORLD_SIZE"] == "1"
    assert environment["DS_ACCELERATOR"] == "cpu"
    argv, environment = launch_command(tiny(processes=4, global_batch=4), *places, devices=8)
    assert argv[argv.index("--num_accelerators") + 1] == "4"
    assert "--hostfile" not in argv
    assert "WORLD_SIZE" not in environment
    assert "DS_ACCELERATOR" not in environment


def test_fewer_devices_than_processes_do_more_micro_steps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    places = (tmp_path / "data", tmp_path / "scratch", tmp_path / "out")
    argv, environment = launch_command(tiny(processes=2), *places, devices=1)
    assert "deepspeed.launcher.runner" not in argv
    assert environment["WORLD_SIZE"] == "1"
    written = Settings.model_validate_json((tmp_path / "scratch" / "settings.json").read_text())
    assert (written.train.processes, written.train.accumulation) == (1, 2)
    assert "train.processes is 2, this machine has 1 CUDA device" in caplog.text
    argv, _ = launch_command(tiny(processes=6, global_batch=6), *places, devices=4)
    assert argv[argv.index("--num_accelerators") + 1] == "3"


def test_command_of_several_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = (tmp_path / "data", tmp_path / "scratch", tmp_path / "out")
    settings = tiny(processes=2, machines=2, global_batch=4)
    monkeypatch.delenv("LCVD_HOSTFILE", raising=False)
    with pytest.raises(ValueError, match=r"machines is 2, and LCVD_HOSTFILE \(not set\)"):
        launch_command(settings, *places, devices=8)
    hosts = tmp_path / "hosts"
    hosts.write_text("a slots=2\nb slots=2\n")
    monkeypatch.setenv("LCVD_HOSTFILE", str(hosts))
    monkeypatch.setenv("LCVD_LAUNCHER", "openmpi")
    argv, _ = launch_command(settings, *places, devices=8)
    known = parse_args(argv[argv.index("deepspeed.launcher.runner") + 1 :])
    assert (known.hostfile, known.num_nodes, known.num_gpus, known.launcher) == (str(hosts), 2, 2, "openmpi")
    assert known.user_script == "lcvd.train.run"


def test_scratch_is_keyed_by_seed_settings_and_shards(shards: Path) -> None:
    keys = {
        scratch_key(settings, shards)
        for settings in (tiny(), tiny(steps=7), tiny(global_batch=4), tiny().model_copy(update={"seed": 5}))
    }
    assert len(keys) == 4
    assert scratch_key(tiny(), shards) in keys
    assert scratch_key(tiny(processes=2), shards) == scratch_key(tiny(), shards), "it goes on with more processes"
