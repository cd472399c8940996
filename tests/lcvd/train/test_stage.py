"""The launch command and the scratch key of stage `train`."""

import importlib.util
from pathlib import Path

import pytest
from deepspeed.launcher.runner import parse_args

from lcvd.config.settings import Settings
from lcvd.train.stage import launch_command
from tests.lcvd.train.conftest import tiny


def test_packages_that_arent_there_are_named_before_anything_is_loaded(tmp_path: Path) -> None:
    if importlib.util.find_spec("wandb"):
        pytest.skip("wandb is installed")
    with pytest.raises(ModuleNotFoundError, match="train.watch.trackers needs wandb.*pip install wandb"):
        launch_command(tiny(watch={"trackers": ["wandb"]}), tmp_path, tmp_path / "scratch", tmp_path, devices=0)
    assert not (tmp_path / "scratch").exists()


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
