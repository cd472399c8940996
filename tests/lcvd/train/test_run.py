"""Real runs: processes that train, are killed, resume, and end with the same bytes."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from lcvd.config.settings import Settings
from lcvd.model.pipeline import LCVDPipeline
from lcvd.train.checkpoint import newest
from lcvd.train.run import INTERRUPTED, main
from lcvd.train.stage import launch_command
from lcvd.train.trainer import Training
from tests.lcvd.train.conftest import SIZE, tiny

LONG = tiny(steps=8)


def start(settings: Settings, shards: Path, place: Path) -> subprocess.Popen[str]:
    """Start a run in `place`; its messages are written to ``place/log``."""
    argv, environment = launch_command(settings, shards, place / "scratch", place / "out", devices=0)
    environment |= {"OMP_NUM_THREADS": "1"}
    with (place / "log").open("a") as log:
        return subprocess.Popen(argv, env=os.environ | environment, stdout=log, stderr=log, text=True)


def finish(settings: Settings, shards: Path, place: Path) -> Path:
    """Complete a run; returns its output folder."""
    place.mkdir(exist_ok=True)
    code = start(settings, shards, place).wait(timeout=500)
    assert code == 0, (place / "log").read_text()
    return place / "out"


def wait_for(path: Path, process: subprocess.Popen[str], log: Path) -> None:
    """Wait until `path` exists."""
    while not path.exists():
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every file below `folder`."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of an uninterrupted run."""
    return finish(LONG, shards, tmp_path_factory.mktemp("whole"))


def test_a_run_writes_model_metrics_and_curve(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {"model", "metrics.json", "dvclive"}
    model = LCVDPipeline.from_pretrained(whole / "model").model
    assert (model.size, model.frames, list(model.adapters)) == (SIZE, 4, ["shading", "reference"])
    assert all(p.isfinite().all() for p in model.trainable())
    assert torch.count_nonzero(model.adapters["shading"].final_proj.weight) > 0, "the adapter learned something"
    points = (whole / "dvclive/plots/metrics/train/loss.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in points] == ["step", "2", "4", "6", "8"]


def test_a_run_killed_and_started_again_ends_with_the_same_bytes(whole: Path, shards: Path, tmp_path: Path) -> None:
    process = start(LONG, shards, tmp_path)
    wait_for(tmp_path / "scratch/checkpoints/step-00000002", process, tmp_path / "log")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out/model").exists(), "it had finished before it was killed"
    assert contents(finish(LONG, shards, tmp_path)) == contents(whole)
    assert "train: 8 of 8" in (tmp_path / "log").read_text()
    kept = sorted(path.name for path in (tmp_path / "scratch/checkpoints").iterdir())
    assert kept == ["step-00000006", "step-00000008"]


@pytest.mark.slow
def test_three_kills_at_random_steps_leave_no_trace(whole: Path, shards: Path, tmp_path: Path) -> None:
    """All files are the same, including the loss curve."""
    rng, speed, done = random.Random(2), tmp_path / "scratch/log/speed.jsonl", 0
    for _ in range(3):
        until = rng.randint(done + 1, 3 + done) // 2 * 2  # the log has every second step
        process = start(LONG, shards, tmp_path)
        while not speed.exists() or steps_logged(speed) < max(until, done):
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.01)
        time.sleep(rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = min(6, steps_logged(speed))
    assert contents(finish(LONG, shards, tmp_path)) == contents(whole)


def steps_logged(speed: Path) -> int:
    lines = speed.read_text().splitlines()
    return max((json.loads(line)["step"] for line in lines if line.endswith("}")), default=0)


def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(whole: Path, shards: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scratch/checkpoints"
    shutil.copytree(whole.parent / "scratch/checkpoints", folder)
    torn = folder / "step-00000008/average.safetensors"
    torn.write_bytes(torn.read_bytes()[:-100])
    assert contents(finish(LONG, shards, tmp_path)) == contents(whole)
    text = (tmp_path / "log").read_text()
    assert "average.safetensors" in text
    assert "is damaged and isn't used" in text
    assert "train: 7 of 8" in text or "train: 8 of 8" in text
    assert {path.name for path in folder.iterdir()} == {"step-00000006", "step-00000008", "torn-step-00000008"}


def test_a_run_that_ended_before_its_model_was_written_writes_it(whole: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.parent / "scratch/checkpoints", tmp_path / "scratch/checkpoints")
    assert contents(finish(LONG, shards, tmp_path)) == contents(whole)


@pytest.mark.slow
def test_a_killed_process_ends_the_others_within_30_seconds_with_a_message(shards: Path, tmp_path: Path) -> None:
    process = start(tiny(steps=100_000, processes=2, checkpoint_every=100_000, engine={"zero": 1}), shards, tmp_path)
    wait_for(tmp_path / "out/dvclive/metrics.json", process, tmp_path / "log")
    ranks = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if any(part.startswith("--local_rank") for part in child.cmdline())
    ]
    assert len(ranks) == 2
    ranks[1].kill()
    began = time.monotonic()
    gone, left = psutil.wait_procs(ranks, timeout=30)
    assert not left
    assert len(gone) == 2
    assert process.wait(timeout=30 - min(29, time.monotonic() - began)) != 0
    assert "another process of this run has died" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("words", ["Connection reset by peer", "Connection closed by peer", "writev: Broken pipe"])
def test_an_error_of_a_dead_process_s_connection_is_explained(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The moment of death determines which of gloo's errors is raised, so all are tested."""

    def run(_: Training) -> None:
        raise RuntimeError(f"[pair.cc:537] Read error [127.0.0.1]:7067: {words}")

    monkeypatch.setattr(Training, "__init__", lambda *_: None)
    monkeypatch.setattr(Training, "run", run)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *_, **__: None)  # other tests' process, too
    (tmp_path / "settings.json").write_text(tiny().model_dump_json())
    argv = [text for name in ("settings", "data", "scratch", "out") for text in (f"--{name}", str(tmp_path / name))]
    argv[1] += ".json"
    assert main(argv) == 1
    assert "another process of this run has died" in capsys.readouterr().err


def test_a_run_asked_to_end_says_so_and_leaves_a_checkpoint(shards: Path, tmp_path: Path) -> None:
    settings = tiny(steps=10_000, checkpoint_every=10_000, watch={"log_every": 1})
    process = start(settings, shards, tmp_path)
    wait_for(tmp_path / "out/dvclive/metrics.json", process, tmp_path / "log")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == INTERRUPTED, (tmp_path / "log").read_text()
    assert "start it again to resume" in (tmp_path / "log").read_text()
    assert newest(tmp_path / "scratch/checkpoints") is not None


def test_a_loss_that_isnt_finite_stops_the_run_and_names_step_and_clips(shards: Path, tmp_path: Path) -> None:
    bad = {"name": "adamw", "lr": 1e30, "schedule": "constant", "warmup": 0}
    process = start(tiny(optimiser=bad, checkpoint_every=1), shards, tmp_path)
    assert process.wait(timeout=120) == 1
    message = (tmp_path / "log").read_text().splitlines()[-1]
    assert "the loss isn't finite for disc-" in message or "a weight isn't finite" in message
    assert "train.optimiser.lr" in message
    assert not (tmp_path / "out/model").exists()


def losses(out: Path) -> list[float]:
    """The loss curve."""
    lines = (out / "dvclive/plots/metrics/train/loss.tsv").read_text().splitlines()[1:]
    return [float(line.split("\t")[1]) for line in lines]


@pytest.mark.slow
def test_two_processes_through_deepspeeds_launcher_agree_with_one(whole: Path, shards: Path, tmp_path: Path) -> None:
    """Two processes see the samples of two micro-steps, so they make the same model up to rounding."""
    out = finish(tiny(steps=8, processes=2, engine={"zero": 2}), shards, tmp_path)
    assert losses(out) == pytest.approx(losses(whole), rel=1e-5)
    for part in ("unet", "shading_adapter", "reference_adapter"):
        file = f"model/{part}/diffusion_pytorch_model.safetensors"
        one, both = load_file(whole / file), load_file(out / file)
        for key, value in one.items():
            torch.testing.assert_close(both[key], value, atol=3e-4, rtol=0)


@pytest.mark.slow
def test_eight_bit_adam_resumes_bitwise(shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs the extra adam8bit")
    settings = tiny(steps=8, optimiser={"name": "adamw8bit", "lr": 1e-3})
    (tmp_path / "b").mkdir()
    whole = finish(settings, shards, tmp_path / "a")
    process = start(settings, shards, tmp_path / "b")
    wait_for(tmp_path / "b/scratch/checkpoints/step-00000002", process, tmp_path / "b/log")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert contents(finish(settings, shards, tmp_path / "b")) == contents(whole)
