"""A small real git and DVC repository."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.runtime.supervisor import child_environment

ROOT = Path(__file__).resolve().parents[3]
PIPELINE = """
stages:
  third:
    cmd: mkdir -p data/third && cat data/second/out > data/third/out
    deps: [data/second]
    outs: [data/third]
  first:
    cmd: mkdir -p data/first && cp data/sources/in data/first/out
    deps: [data/sources]
    outs: [data/first]
  second:
    cmd: mkdir -p data/second && python -c "open('data/second/out', 'w').write(open('data/first/out').read() * 2)"
    deps: [data/first]
    params: [times]
    outs: [data/second]
  alone:
    cmd: echo {} > alone.json
    outs: [alone.json]
"""


def run(root: Path, *argv: str) -> str:
    """Output of a command in `root`."""
    return subprocess.run(argv, cwd=root, env=child_environment(), check=True, capture_output=True, text=True).stdout


def dvc_cli(root: Path, *args: str) -> str:
    """Output of ``dvc`` in `root`."""
    return run(root, sys.executable, "-m", "dvc", *args)


def commit(root: Path) -> str:
    """Commit everything; the commit's hash."""
    run(root, "git", "add", "--all")
    run(
        root,
        "git",
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.org",
        "commit",
        "--quiet",
        "--message",
        "x",
        "--allow-empty",
    )
    return run(root, "git", "rev-parse", "HEAD").strip()


def make(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed repository at `root`, which becomes the working folder."""
    (root / "data" / "sources").mkdir(parents=True)
    monkeypatch.setenv("LCVD_SCRATCH", str(root / ".lcvd"))
    for key in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(key, "tester@example.org")
    monkeypatch.chdir(root)
    run(root, "git", "init", "--quiet")
    dvc_cli(root, "init", "--quiet")
    shutil.copyfile(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text("times: 2\n")
    (root / "data" / "sources" / "in").write_text("a\n")
    (root / ".gitignore").write_text(".lcvd/\n")
    commit(root)
    return root
