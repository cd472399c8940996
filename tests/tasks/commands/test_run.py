"""``lcvd run`` checks names and values first, then is `dvc repro` or `dvc exp run`, and leaves no process behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from click.testing import CliRunner

from lcvd.cli.main import cli
from lcvd.config.io import dump_settings, load_settings
from lcvd.config.profiles import profile
from tests.processes import processes_in
from tests.tasks.helpers.repository import commit

LCVD = Path(sys.executable).with_name("lcvd")
LIMIT_S = 30.0


@pytest.fixture
def project(repository: Path) -> Path:
    """The small repository, with valid settings."""
    pipeline = yaml.safe_load((repository / "dvc.yaml").read_text())
    pipeline["stages"]["second"]["params"] = ["seed"]
    pipeline["stages"]["slow"] = {"cmd": "echo begun && sleep 300", "deps": ["data/sources"]}
    (repository / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    (repository / "params.yaml").write_text(dump_settings(profile("demo")))
    commit(repository)
    return repository


def lcvd(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LCVD, "run", *words], cwd=folder, capture_output=True, text=True, check=False)


def children(folder: Path) -> list[psutil.Process]:
    return [process for process in processes_in(folder) if process.pid != os.getpid()]


def test_a_stage_and_what_it_needs_are_brought_up_to_date(project: Path) -> None:
    done = lcvd(project, "second")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "data" / "second" / "out").read_text() == "a\na\n"
    assert not (project / "data" / "third").exists()
    assert "didn't change, skipping" in lcvd(project, "second").stdout


def test_a_changed_setting_makes_an_experiment(project: Path) -> None:
    done = lcvd(project, "second", "-s", "seed=7", "--set", "train.optimiser.lr=1e-4")
    assert done.returncode == 0, done.stdout + done.stderr
    settings = load_settings(project / "params.yaml")
    assert (settings.seed, settings.train.optimiser.lr) == (7, 1e-4)
    assert "Ran experiment" in done.stdout


def test_the_exit_code_is_dvcs(project: Path) -> None:
    (project / "data" / "sources" / "in").unlink()
    done = lcvd(project, "first")
    repro = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "first"], cwd=project, capture_output=True, check=False
    )
    assert done.returncode == repro.returncode != 0
    assert done.stdout.count("failed to reproduce") == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_no_process_is_left(project: Path, end: str) -> None:
    started = subprocess.Popen([LCVD, "run", "slow"], cwd=project, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    for line in started.stdout:
        if line == "begun\n":
            break
    getattr(started, end)()
    started.wait()
    deadline = time.monotonic() + LIMIT_S
    while children(project) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children(project)
    started.stdout.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["secnod"], "unknown stage 'secnod'; did you mean 'second'?"),
        (["xyz"], "unknown stage 'xyz'; stages are "),
        (["-s", "train.stepz=3"], "unknown key 'train.stepz'; did you mean 'steps'?"),
        (["-s", "train.steps=many"], "train.steps: Input should be a valid integer"),
        (["-s", "train.steps.number=3"], "'steps' has no keys"),
        (["-s", "train.steps"], "--set train.steps: expected KEY=VALUE"),
        (["-s", "seed=[1"], "--set seed=[1: the value is not valid YAML"),
    ],
)
def test_names_and_values_are_checked_before_anything_runs(project: Path, words: list[str], message: str) -> None:
    before = (project / "params.yaml").read_text()
    done = CliRunner().invoke(cli, ["run", *words])
    assert done.exit_code == 1
    assert message in done.output
    assert (project / "params.yaml").read_text() == before


def test_outside_of_the_project_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["run"])
    assert "dvc.yaml not found; run this in the project's folder" in done.output
