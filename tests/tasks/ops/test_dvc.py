"""Order, stages and experiments in a small real git and DVC repository."""

import subprocess
import sys

import pytest
import yaml

from tasks.runtime.supervisor import child_environment
from tests.tasks.helpers.repository import commit, dvc_cli, run


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
