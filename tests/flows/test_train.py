"""Stopping the flow `train` as Prefect's worker stops a cancelled run: SIGTERM to the flow's process."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tasks.supervisor import child_environment
from tests.lcvd.training.conftest import tiny, write_discs

ROOT = Path(__file__).resolve().parents[2]
CODE = """
    import sys
    sys.path.insert(0, {root!r})
    from pathlib import Path
    from lcvd.config.settings import Settings
    from lcvd.training.stage import launch_command
    from tasks.deathwatch import on_sigterm
    from tasks.supervisor import supervise
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
