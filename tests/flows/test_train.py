"""Stopping the flow `train`: SIGTERM to its process, as Prefect stops a cancelled run, and a run cancelled on a server."""

import contextlib
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lcvd.config.io import dump_settings
from tasks.runtime.supervisor import child_environment
from tests.flows.conftest import answers, found
from tests.lcvd.train.conftest import tiny, write_discs

ROOT = Path(__file__).resolve().parents[2]
CODE = """
    import sys
    sys.path.insert(0, {root!r})
    from pathlib import Path
    from lcvd.config.settings import Settings
    from lcvd.train.stage import launch_command
    from tasks.runtime.orphan_guard import on_sigterm
    from tasks.runtime.supervisor import supervise
    on_sigterm()
    settings = Settings.model_validate_json(Path({settings!r}).read_text())
    command, environment = launch_command(settings, Path({data!r}), Path({place!r}) / "scratch", Path({place!r}) / "out", devices=0)
    supervise(command, env=environment | {{"OMP_NUM_THREADS": "1"}}, emit=lambda line: print(line, flush=True))
"""


@pytest.mark.slow
def test_a_cancelled_training_of_two_processes_leaves_none(tmp_path: Path) -> None:
    write_discs(tmp_path / "data", {"disc-a": 20, "disc-b2": 33})
    settings = tmp_path / "settings.json"
    settings.write_text(tiny(steps=100_000, processes=2, checkpoint_every=100_000).model_dump_json())
    code = CODE.format(root=str(ROOT), settings=str(settings), data=str(tmp_path / "data"), place=str(tmp_path))
    with (tmp_path / "log").open("w") as log:
        flow = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], env=child_environment(), stdout=log, stderr=log
        )
    while not (tmp_path / "out/dvclive/metrics.json").exists():
        assert flow.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.1)
    family = psutil.Process(flow.pid).children(recursive=True)
    assert sum(any("--local_rank" in part for part in child.cmdline()) for child in family) == 2
    flow.send_signal(signal.SIGTERM)
    flow.wait(timeout=90)
    _, left = psutil.wait_procs(family, timeout=30)
    assert not left


SERVED = """
    import sys

    import flows  # sets Prefect's environment
    from prefect import flow
    from tasks.runtime.supervisor import supervise

    @flow
    def served():
        supervise([sys.executable, "-m", "flows.train"], name="train", emit=print)

    if __name__ == "__main__":
        served.serve("cancelled")
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_cancelled_on_a_prefect_server_leaves_no_process(
    tmp_path: Path, clean_environment: Callable[..., dict[str, str]], wait_for: Callable[..., None]
) -> None:
    """A deployed flow that runs the flow `train` as a program, as `train-lcvd` does; two DeepSpeed processes; and
    `prefect flow-run cancel`."""
    write_discs(tmp_path / "data" / "shard", {"disc-a": 20, "disc-b2": 33})
    settings = tiny(steps=100_000, processes=2, checkpoint_every=100_000)
    (tmp_path / "params.yaml").write_text(dump_settings(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    url, home = f"http://127.0.0.1:{port}/api", str(tmp_path / "home")
    own = {"PREFECT_API_URL": url, "PREFECT_HOME": home, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    environment = clean_environment(**own, OMP_NUM_THREADS="1")
    started: list[psutil.Popen] = []

    def start(name: str, *argv: str) -> psutil.Popen:
        with (tmp_path / f"{name}.log").open("w") as log:
            options = {"stdout": log, "stderr": subprocess.STDOUT, "start_new_session": True}
            started.append(psutil.Popen(argv, cwd=tmp_path, env=environment, **options))
        return started[-1]

    def prefect(*argv: str) -> str:
        done = subprocess.run(
            ["prefect", *argv], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    family: list[psutil.Process] = []
    try:
        start("server", "prefect", "server", "start", "--no-ui", "--port", port)
        wait_for(lambda: answers(url), 300)
        (tmp_path / "served.py").write_text(textwrap.dedent(SERVED))
        serving = start("serving", sys.executable, "served.py")
        wait_for(lambda: found(url, "deployments"), 300)
        prefect("deployment", "run", "served/cancelled")
        wait_for((tmp_path / "data/train/dvclive/metrics.json").exists, 600)
        # Prefect keeps a process beside those of its runs.
        families = [[each, *each.children(recursive=True)] for each in serving.children()]
        family = max(families, key=len)
        assert sum(any("--local_rank" in part for part in process.cmdline()) for process in family) == 2
        flows = {flow["id"]: flow["name"] for flow in found(url, "flows")}
        runs = {flows[run["flow_id"]]: run for run in found(url, "flow_runs")}
        assert {name: run["state_type"] for name, run in runs.items()} == {"served": "RUNNING", "train": "RUNNING"}
        [id] = (run["id"] for name, run in runs.items() if name == "served")
        prefect("flow-run", "cancel", id)
        _, left = psutil.wait_procs(family, timeout=120)
        assert not left, (tmp_path / "serving.log").read_text()
        wait_for(lambda: {run["id"]: run["state_type"] for run in found(url, "flow_runs")}[id] == "CANCELLED", 120)
        assert serving.is_running(), "the next run would be taken"
    finally:
        for process in (*family, *reversed(started)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, left = psutil.wait_procs([*family, *started], timeout=20)
        for process in left:
            process.kill()
