"""Two at once: in one folder, and in two folders that share a DVC cache."""

import subprocess

import pytest

from tests.flows.conftest import Project, make_project

BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")


def start(project: Project, *argv: str) -> subprocess.Popen[str]:
    """A command in the project, not waited for."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv, cwd=project.folder, env=project.shell(), stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_two_repros_at_once_do_the_work_once_or_one_says_that_it_must_wait(fresh_project):
    both = [start(fresh_project, "dvc", "repro", "filter") for _ in range(2)]
    said = [process.communicate(timeout=1200)[0] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes, said
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or any(word in text for word in BUSY), text
    lock = fresh_project.lock()
    assert fresh_project.dvc("repro", "filter").count("didn't change, skipping") == 2
    assert fresh_project.lock() == lock


@pytest.mark.slow
def test_two_checkouts_share_one_cache_at_the_same_time(tmp_path):
    projects = [make_project(tmp_path / name) for name in ("a", "b")]
    for project in projects:
        project.run("dvc", "cache", "dir", "--local", str(tmp_path / "shared"))
    both = [start(project, "dvc", "repro", "filter") for project in projects]
    said = [process.communicate(timeout=1200)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert projects[0].lock() == projects[1].lock()
    for project in projects:
        project.run("rm", "-r", "data/download", "data/filter")
        project.dvc("checkout", "download", "filter")
        assert "up to date" in project.dvc("status", "filter")


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_nightly_evaluation_runs_during_a_training(copied, wait_for):
    copied.settings(seed=7, train={"steps": 200, "checkpoint_every": 50})
    training = start(copied, "dvc", "repro", "train")
    scratch = copied.folder / ".lcvd" / "train"
    before = set(scratch.iterdir())
    wait_for(lambda: set(scratch.iterdir()) - before or training.poll() is not None, 300)
    assert training.poll() is None, training.communicate()[0]
    night = copied.run("python", "-m", "flows.nightly_eval", check=False)
    during = training.poll() is None
    said = training.communicate(timeout=1200)[0]
    assert night.returncode == 0, night.stderr
    assert training.returncode == 0, said
    assert during, "the training ended before the evaluation did: give it more steps"
    assert len((copied.folder / "data" / "history" / "nightly.jsonl").read_text().splitlines()) == 1
    assert "up to date" in copied.dvc("status", "train")
