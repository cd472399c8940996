"""Training inside a Slurm allocation, with stand-ins for ``srun`` and ``scontrol`` that parse as the real ones do."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from lcvd.config.profiles import profile
from lcvd.train.stage import launch_command
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.test_run import contents, finish

ROOT = Path(__file__).resolve().parents[3]
STAND_INS = Path(__file__).parent / "slurm"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a batch script with two nodes, both of them this machine."""
    monkeypatch.setenv("PATH", f"{STAND_INS}{os.pathsep}{os.environ['PATH']}")
    for name, value in {
        "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "127.0.0.[1-2]", "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0", "SLURM_NTASKS": "2",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.mark.slow
def test_two_nodes_end_with_the_bytes_of_one(job: None, shards: Path, tmp_path: Path) -> None:
    on_two = finish(tiny(steps=2, processes=1, machines=2), shards, tmp_path / "two")
    on_one = finish(tiny(steps=2, processes=2), shards, tmp_path / "one")
    assert contents(on_two) == contents(on_one)


def test_the_processes_meet_at_the_first_node(job: None, tmp_path: Path) -> None:
    settings = tiny(processes=4, machines=2, global_batch=8)
    argv, environment = launch_command(settings, tmp_path, tmp_path / "scratch", tmp_path / "out", devices=4)
    assert argv[:6] == [
        "srun",
        "--nodes=2",
        "--ntasks=8",
        "--ntasks-per-node=4",
        "--kill-on-bad-exit=1",
        "--export=ALL",
    ]
    assert environment["MASTER_ADDR"] == "127.0.0.1"
    assert not {"RANK", "WORLD_SIZE"} & environment.keys()


def test_another_number_of_nodes_is_named(job: None, tmp_path: Path) -> None:
    settings = tiny(processes=1, machines=3, global_batch=3)
    with pytest.raises(ValueError, match="train.machines is 3, and this Slurm job has 2 nodes"):
        launch_command(settings, tmp_path, tmp_path / "scratch", tmp_path / "out", devices=1)


def test_the_batch_script_s_numbers_fit_the_paper_s_profile() -> None:
    text = (ROOT / "scripts" / "train.sbatch").read_text(encoding="utf-8")
    given = {name: int(value) for name, value in re.findall(r"^#SBATCH --([a-z-]+)=(\d+)$", text, re.MULTILINE)}
    train = profile("paper").train
    assert given["gpus-per-node"] == given["ntasks-per-node"]
    assert train.global_batch % (train.batch * given["nodes"] * given["ntasks-per-node"]) == 0


def test_a_preempted_job_is_queued_again_only_after_its_checkpoint(job: None, tmp_path: Path) -> None:
    """``dvc`` ends at once on SIGTERM; the stage that it started holds the lock until its checkpoint is written."""
    commands, requeued = tmp_path / ".venv" / "bin", tmp_path / "requeued"
    commands.mkdir(parents=True)
    (commands / "activate").write_text(f"export PATH={commands}:$PATH\n", encoding="utf-8")
    (tmp_path / ".lcvd" / "locks").mkdir(parents=True)
    # What DVC does: its child lives on. The child here: a lock, and two seconds until the checkpoint is there.
    stage = f"flock {tmp_path}/.lcvd/locks/train.lock sh -c 'touch {tmp_path}/running; sleep 2; touch {tmp_path}/checkpoint'"
    (commands / "dvc").write_text(
        f"#!/bin/sh\nsetsid {stage} &\nwhile ! test -e {tmp_path}/running; do sleep 0.1; done\nexec sleep 60\n",
        encoding="utf-8",
    )
    (commands / "dvc").chmod(0o755)
    environment = {**os.environ, "SLURM_STAND_IN_REQUEUED": str(requeued)}
    environment.pop("LCVD_SCRATCH", None)
    script = subprocess.Popen(["bash", str(ROOT / "scripts" / "train.sbatch")], cwd=tmp_path, env=environment)
    try:
        while not (tmp_path / "running").exists():
            assert script.poll() is None
        script.terminate()
        while script.poll() is None:
            assert not requeued.exists() or (tmp_path / "checkpoint").exists(), "queued again before its checkpoint"
        assert requeued.read_text(encoding="utf-8") == "7"
        assert (tmp_path / "checkpoint").exists()
    finally:
        script.kill()
