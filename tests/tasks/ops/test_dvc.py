"""A tiny real git and DVC repository: order, stages, experiments, worktrees, histories."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
    return subprocess.run(argv, cwd=root, env=child_environment(), check=True, capture_output=True, text=True).stdout


def dvc_cli(root: Path, *args: str) -> str:
    return run(root, sys.executable, "-m", "dvc", *args)


def commit(root: Path) -> str:
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


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "project"
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


def test_the_order_is_that_of_the_graph(repository):
    from tasks.ops.dvc import stages

    order = stages(repository)
    assert sorted(order) == ["alone", "first", "second", "third"]
    assert order.index("first") < order.index("second") < order.index("third")
    assert stages(repository, ["second"]) == ["first", "second"]


def test_nothing_is_stored_twice(repository):
    dvc_cli(repository, "repro", "second")
    for _ in range(2):
        for path in ("data/first/out", "data/second/out"):
            assert (repository / path).stat().st_nlink > 1
        dvc_cli(repository, "repro", "second", "--force")  # the same bytes again
    assert dvc_cli(repository, "status", "second") == "Data and pipelines are up to date.\n"


def test_a_failing_stage_says_what_it_said(repository, prefect_api):
    from prefect import flow

    from tasks.ops.dvc import reproduce, stale
    from tasks.runtime.supervisor import ChildError

    @flow
    def chain() -> None:
        reproduce("second", repository)

    with pytest.raises(ChildError, match=r"(?s)dvc repro --single-item second ended with code.*data/first"):
        chain()
    assert "first" in stale(repository, ["second"])


def test_a_busy_dvc_is_waited_for(repository, prefect_api, monkeypatch):
    from prefect import flow

    from tasks.ops import dvc

    holder = subprocess.Popen(
        [sys.executable, "-c", "import time, sys\nfrom dvc.repo import Repo\nwith Repo('.').lock:\n print(1, flush=True); time.sleep(8)"],
        cwd=repository, stdout=subprocess.PIPE, env=child_environment(),
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()

    @flow
    def chain() -> None:
        dvc.reproduce.with_options(retry_delay_seconds=3)("first", repository)

    chain()
    assert (repository / "data" / "first" / "out").read_text() == "a\n"
    holder.wait()
    holder.stdout.close()


def test_the_chain_gives_the_same_lock_and_an_experiment_and_leaves_no_worktree(repository, prefect_api):
    from flows.train_lcvd import train_lcvd

    assert train_lcvd(["second"]) is None
    assert (repository / "data" / "second" / "out").read_text() == "a\na\n"
    assert not (repository / "data" / "third").exists()
    (repository / "data" / "sources" / "in").write_text("b\n")
    sha = commit(repository)
    (repository / "data" / "sources" / "in").write_text("not committed\n")

    name = train_lcvd(commit=sha[:12], experiment=True)
    assert name is not None
    assert name in dvc_cli(repository, "exp", "list", "--name-only")
    assert run(repository, "git", "worktree", "list").count("\n") == 1
    assert (repository / "data" / "sources" / "in").read_text() == "not committed\n"
    run(repository, "git", "checkout", "--quiet", "--", ".")
    dvc_cli(repository, "exp", "apply", name)
    by_chain = yaml.safe_load((repository / "dvc.lock").read_text())
    dvc_cli(repository, "checkout")
    assert (repository / "data" / "third" / "out").read_text() == "b\nb\n"

    run(repository, "git", "checkout", "--quiet", "--", "dvc.lock")
    dvc_cli(repository, "repro", "--force", "--no-run-cache")
    assert yaml.safe_load((repository / "dvc.lock").read_text()) == by_chain


def test_a_limit_on_a_stage_s_tag_holds_for_all_runs_of_a_server(repository, prefect_api):
    from prefect import get_client

    from flows.train_lcvd import train_lcvd

    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag="lcvd-second", concurrency_limit=0)  # 0: whoever asks is refused
        try:
            with pytest.raises(Exception, match="lcvd-second"):
                train_lcvd(["second"])
        finally:
            client.delete_concurrency_limit_by_tag("lcvd-second")
    assert (repository / "data" / "first" / "out").exists()
    assert not (repository / "data" / "second").exists()
    train_lcvd(["second"])
    assert (repository / "data" / "second" / "out").exists()


def test_an_experiment_is_only_saved_when_everything_is_up_to_date(repository, prefect_api):
    from flows.train_lcvd import train_lcvd
    from tasks.runtime.entrypoint import StageError

    pipeline = (repository / "dvc.yaml").read_text()
    (repository / "dvc.yaml").write_text(
        pipeline.replace("> data/third/out", "> data/third/out; echo c >> data/sources/in")
    )
    with pytest.raises(StageError, match="nothing was saved"):
        train_lcvd(experiment=True)
    assert dvc_cli(repository, "exp", "list") == ""


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


def test_a_history_grows_is_tracked_and_comes_back(repository, prefect_api):
    from prefect import flow

    from tasks.ops.history import append_history, read_history

    path = Path("data/history/nightly.jsonl")

    @flow
    def append(entry: dict) -> list[dict]:
        return append_history(repository, path, entry)

    assert read_history(repository, path) == []
    assert append({"night": 1}) == []
    assert append({"night": 2}) == [{"night": 1}]
    assert append({"night": 2}) == [{"night": 1}]  # a retry
    assert not os.access(repository / path, os.W_OK) or os.getuid() == 0
    assert "nightly.jsonl" in (repository / "data" / "history" / ".gitignore").read_text()
    old = commit(repository)
    append({"night": 3})
    (repository / path).unlink()
    assert [entry["night"] for entry in read_history(repository, path)] == [1, 2, 3]
    run(repository, "git", "checkout", "--quiet", old, "--", "data/history")
    dvc_cli(repository, "checkout", f"{path}.dvc")
    assert [entry["night"] for entry in read_history(repository, path)] == [1, 2]
