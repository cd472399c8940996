"""Killed at random while 200 clips are mapped: the ledger is the undisturbed run's, byte for byte."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lcvd.ledger.rows import write_ledger
from lcvd.ledger.story import counts
from tests.flows.conftest import answers
from tests.processes import command_of, processes_in
from tests.tasks.runtime.test_map_chunks import HELPERS, ROOT, mapped, needs

CLIPS, KILLS = 200, 3
COUNTS = {"failed": 20, "failed:gone": 20, "filtered": 20, "filtered:dark": 20, "kept": 160}


def workers() -> list[psutil.Process]:
    """Processes that hold chunks: of the pool or Dask's, or Ray's, which tell what they do in their name."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = command_of(process)
            if ("spawn_main" in command and process.ppid() == psutil.Process().pid) or (
                command.startswith("ray::") and "IDLE" not in command and "Agent" not in command
            ):
                found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", ["processes", "ray", "dask"])
@pytest.mark.usefixtures("prefect_api")
def test_a_map_whose_workers_are_killed_ends_with_the_undisturbed_ledger(kind, chunk_work, tmp_path):
    needs(kind)
    items = [chunk_work.Item(f"clip-{i:03}") for i in range(CLIPS)]
    write_ledger(tmp_path / "calm.parquet", chunk_work.judged(items, 0.0))
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    dice, killed, over = random.Random(seed), [], threading.Event()

    def kill() -> None:
        while len(killed) < KILLS and not over.is_set():
            if found := workers():
                over.wait(dice.uniform(0.2, 2.0))
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim = dice.choice(sorted(found, key=lambda each: each.pid))
                    victim.kill()
                    killed.append(victim.pid)
                    over.wait(10.0)  # a clip that dies twice alone would rightly be a failed one
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        rows = mapped(chunk_work.judged, items, 0.1, kind=kind, workers=2, chunk=4)
    finally:
        over.set()
        thread.join()
    assert killed
    write_ledger(tmp_path / "stormy.parquet", rows)
    assert counts(rows) == COUNTS
    assert (tmp_path / "stormy.parquet").read_bytes() == (tmp_path / "calm.parquet").read_bytes()


class Deployed:
    """A Prefect server, a worker of it, and the deployment of helpers/chain.py; what is killed comes back, as under systemd."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind, self.services = folder, kind, dict[str, subprocess.Popen[bytes]]()
        (folder / "made").mkdir(parents=True)
        shutil.copy(HELPERS / "chain.py", folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "LCVD_", "DVC_"))}
        self.environment = kept | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HELPERS)]),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        self.serve()
        self.call("work-pool", "create", "--type", "process", "pool")
        self.work()
        self.call("deploy", "chain.py:chain", "--name", "chain", "--pool", "pool", "--no-prompt")

    def call(self, *words: str) -> None:
        argv = ["prefect", *words]
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def service(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.services[name] = subprocess.Popen(
                ["prefect", *words],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def serve(self) -> None:
        self.service("server", "server", "start", "--no-ui", "--port", self.port)
        deadline = time.monotonic() + 120
        while not answers(self.environment["PREFECT_API_URL"]):
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.1)

    def work(self) -> None:
        self.service("worker", "worker", "start", "--pool", "pool")

    def end(self) -> None:
        for service in self.services.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.pid, signal.SIGKILL)
            service.wait()
        for process in self.at_work():
            process.kill()

    def at_work(self) -> list[psutil.Process]:
        """Processes of runs: all that work in the folder but the services."""
        services = {service.pid for service in self.services.values()}
        found = []
        for process in processes_in(self.folder):
            with contextlib.suppress(psutil.Error):
                # the server itself is a child of the command that started it
                if process.pid not in services and process.ppid() != self.services["server"].pid:
                    found.append(process)
        return found

    def stage(self) -> psutil.Process | None:
        """The process that maps, once it has begun a clip."""
        if not any((self.folder / "made").iterdir()):
            return None
        for process in self.at_work():
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[-2:] == [str(self.folder / "chain.py"), self.kind]:
                    return process
        return None

    def kill(self, whom: str, choose: Callable[[list[psutil.Process]], psutil.Process]) -> bool:
        """Kill it, and start it again if it's a service; False if there is nobody to be killed."""
        if whom == "a process of the pool":
            if not (victims := [each for each in self.at_work() if self._in_pool(each)]):
                return False
            choose(sorted(victims, key=lambda each: each.pid)).kill()
        elif whom == "worker":  # it alone: the runs that it started are its children
            self.services[whom].kill()
            self.services[whom].wait()
            self.work()
        else:
            os.killpg(self.services[whom].pid, signal.SIGKILL)
            self.services[whom].wait()
            self.serve()
        return True

    def revive(self) -> None:
        """A worker that isn't there is started again."""
        if self.services["worker"].poll() is not None:
            self.work()

    def _in_pool(self, process: psutil.Process) -> bool:
        command = command_of(process)
        return "spawn_main" in command or (command.startswith("ray::") and "IDLE" not in command)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", ["processes", "ray", "dask"])
def test_a_deployment_whose_server_worker_and_pool_are_killed_ends_with_the_undisturbed_ledger(
    kind: str, chunk_work, tmp_path: Path
) -> None:
    """A run that dies is started again, as its user would; no clip is worked on twice but those that were in hand."""
    needs(kind)
    items = [chunk_work.Item(f"clip-{i:03}") for i in range(CLIPS)]
    write_ledger(tmp_path / "calm.parquet", chunk_work.judged(items, 0.0))
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    dice, deployed, kills, runs, begun = random.Random(seed), Deployed(tmp_path / "project", kind), 0, 0, 0
    ledger, deck = deployed.folder / "ledger.parquet", ["server", "worker", "a process of the pool"]
    dice.shuffle(deck)
    try:
        while deck or not ledger.exists():
            deployed.revive()
            if not deployed.at_work():
                deployed.call("deployment", "run", "chain/chain", "--param", f"kind={kind}")
                runs += 1
                wait(deployed.at_work)
            wait(lambda: deployed.stage() or not deployed.at_work() or ledger.exists())
            if deck and deployed.stage():
                time.sleep(dice.uniform(0.0, 3.0))
                if deployed.kill(deck[0], dice.choice):
                    print(f"killed {deck.pop(0)}")
                    kills += 1
            wait(lambda: deck or not deployed.at_work(), 300)
        wait(lambda: not deployed.at_work())
        begun = sum(path.stat().st_size for path in (deployed.folder / "made").iterdir())
    finally:
        deployed.end()
    print(f"{kills} kills, {runs} runs, {begun} clips begun")
    assert ledger.read_bytes() == (tmp_path / "calm.parquet").read_bytes()
    assert CLIPS <= begun <= CLIPS + 2 * (kills + runs)


def wait(condition: Callable[[], object], limit: float = 180.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)
