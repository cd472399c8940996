"""The deployments on a real Prefect server and worker; the nightly evaluation as a program."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from lcvd.evaluate.regression import history_entry
from tests.flows.conftest import answers, found
from tests.processes import command_of, processes_in


@pytest.fixture
def deployed(fresh_project, clean_environment, wait_for, tmp_path):
    """A project with a server of its own, both deployments, and a worker: the README's commands."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    known = {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(tmp_path / "home"),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    fresh_project.environment = known
    started = []

    def start(*argv: str) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"{argv[1]}.log").open("w")
        options = {"stdout": log, "stderr": subprocess.STDOUT, "start_new_session": True}
        started.append(subprocess.Popen(argv, cwd=fresh_project.folder, env=clean_environment(**known), **options))
        return started[-1]

    fresh_project.worker = lambda: start("prefect", "worker", "start", "--pool", "lcvd")
    try:
        start("prefect", "server", "start", "--no-ui", "--port", port)
        wait_for(lambda: answers(known["PREFECT_API_URL"]), 120)
        fresh_project.run("prefect", "work-pool", "create", "--type", "process", "lcvd")
        fresh_project.first_worker = fresh_project.worker()
        fresh_project.run("prefect", "deploy", "--all", "--no-prompt")
        yield fresh_project
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.slow
def test_the_deployment_leaves_the_same_lock_as_dvc_repro(deployed, reproduced):
    """Another clone, another scratch and DVC cache, a worktree, a worker: and the same hashes."""
    assert "30 2 * * *" in deployed.run("prefect", "deployment", "inspect", "nightly-eval/nightly-eval").stdout
    head = deployed.run("git", "rev-parse", "HEAD").stdout
    done = deployed.run("prefect", "deployment", "run", "train-lcvd/train-lcvd", "--watch")
    assert "successfully in 'Completed'" in done.stdout
    [name] = deployed.dvc("exp", "list", "--name-only").split()
    run = re.search(r"Created flow run '([^']+)'", done.stdout)
    assert run is not None
    assert name.startswith(run[1] + "-")
    assert deployed.run("git", "status", "--porcelain").stdout == ""
    assert deployed.run("git", "rev-parse", "HEAD").stdout == head
    assert deployed.run("git", "worktree", "list").stdout.count("\n") == 1
    deployed.dvc("exp", "apply", name)
    assert deployed.lock() == reproduced.lock()
    api = deployed.environment["PREFECT_API_URL"]
    flows = {flow["id"]: flow["name"] for flow in found(api, "flows")}
    runs = found(api, "flow_runs")
    [parent] = [run["id"] for run in runs if flows[run["flow_id"]] == "train-lcvd"]
    tagged = {flows[run["flow_id"]] for run in runs if any(parent in tag for tag in run["tags"])}
    assert tagged == {"download", "filter", "reconstruct", "shard", "train", "evaluate"}


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("dies", ["the worker", "the machine"])
def test_what_dies_costs_no_work_leaves_nothing_and_frees_its_slot(deployed, wait_for, dies):
    """Without its worker a run goes on to its end; without its machine, its slot is free once its lease is over (300 s)."""

    def at_work() -> dict[int, str]:
        return {each.pid: command_of(each) for each in processes_in(deployed.folder) if each.pid not in others}

    others = {each.pid for each in processes_in(deployed.folder)}  # server and worker
    deployed.run("prefect", "deployment", "run", "train-lcvd/train-lcvd")
    wait_for(lambda: any("flows." in command for command in at_work().values()), 180)
    deployed.first_worker.kill()
    deployed.first_worker.wait()
    if dies == "the machine":
        for pid in at_work():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not at_work(), 1200)
    deployed.worker()
    done = deployed.run("prefect", "deployment", "run", "train-lcvd/train-lcvd", "--watch")
    assert "successfully in 'Completed'" in done.stdout
    assert deployed.run("git", "worktree", "list").stdout.count("\n") == 1
    ends = {run["name"]: run["state"] for run in found(deployed.environment["PREFECT_API_URL"], "flow_runs")}
    assert dies == "the machine" or {end["type"] for end in ends.values()} == {"COMPLETED"}, ends


def test_the_night_is_written_down_and_a_worse_model_is_told(copied):
    records = json.loads((copied.folder / "data" / "evaluate" / "records.json").read_text())
    better = history_entry("0" * 40, "2026-01-01T00:00:00+00:00", records)
    [name, *_] = [n for n, m in better["metrics"].items() if m["direction"] == "lower" and m["value"]]
    better["metrics"][name] |= {"value": better["metrics"][name]["value"] / 2, "interval": None}
    for metric in better["metrics"].values():
        metric["interval"] = None
    history = copied.folder / "data" / "history" / "nightly.jsonl"
    history.parent.mkdir()
    history.write_text(json.dumps(better, sort_keys=True) + "\n")
    copied.dvc("add", "data/history/nightly.jsonl")
    head = copied.commit()
    (copied.folder / "params.yaml").write_text("seed: 7  # somebody works here\n")

    done = copied.run("python", "-m", "flows.nightly_eval", check=False)

    assert done.returncode == 1, done.stderr
    assert f"nightly-eval: the model of commit {head[:10]} is worse than before:\n  {name} is " in done.stderr
    assert "Traceback" not in done.stderr
    old, new = (json.loads(line) for line in history.read_text().splitlines())
    assert old == better
    assert new["commit"] == head
    assert new["metrics"] == history_entry("", "", records)["metrics"]  # the same model and code: the same numbers
    assert copied.run("git", "status", "--porcelain").stdout == " M data/history/nightly.jsonl.dvc\n M params.yaml\n"
    assert copied.run("git", "worktree", "list").stdout.count("\n") == 1
