"""Worktrees at a pinned commit."""

import subprocess
import sys

import pytest

from tasks.runtime.supervisor import child_environment
from tests.tasks.helpers.repository import ROOT, commit, dvc_cli, run


def test_a_worktree_is_pinned_shares_the_cache_and_goes_away(repository):
    from tasks.ops.dvc import dvc
    from tasks.ops.worktree import pinned
    from tasks.runtime.entrypoint import StageError

    dvc_cli(repository, "repro", "first")
    sha = commit(repository)
    (repository / "data" / "sources" / "in").write_text("later\n")
    with pytest.raises(KeyError), pinned(repository, "HEAD", "run-1") as place:  # noqa: PT012
        assert run(place, "git", "rev-parse", "HEAD").strip() == sha
        assert (place / "data" / "sources" / "in").read_text() == "a\n"
        dvc("checkout", "first", root=place)
        assert (place / "data" / "first" / "out").samefile(repository / "data" / "first" / "out")
        raise KeyError
    assert not place.exists()
    with (
        pytest.raises(StageError, match="'no-such-branch' is no commit"),
        pinned(repository, "no-such-branch", "run-2"),
    ):
        pass


def test_worktrees_of_killed_runs_are_removed_and_those_in_use_arent(repository):
    from tasks.ops.worktree import pinned

    code = "import os, sys\nfrom pathlib import Path\nfrom tasks.ops.worktree import pinned\nwith pinned(Path('.').resolve(), 'HEAD', 'killed'): os.kill(os.getpid(), 9)"
    env = child_environment({"PYTHONPATH": str(ROOT)})
    subprocess.run([sys.executable, "-c", code], cwd=repository, env=env, check=False)
    worktrees = repository / ".lcvd" / "worktrees"
    assert (worktrees / "killed" / "dvc.yaml").exists()
    with pinned(repository, "HEAD", "one") as one, pinned(repository, "HEAD", "two") as two:
        assert not (worktrees / "killed").exists()
        assert (one / "dvc.yaml").exists()
        assert (two / "dvc.yaml").exists()
    assert sorted(path.name for path in worktrees.iterdir()) == ["sweep.lock"]
