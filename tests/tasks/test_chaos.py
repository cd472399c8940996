"""Workers killed at random while 200 clips are mapped: the ledger is the undisturbed run's, byte for byte."""

from __future__ import annotations

import contextlib
import importlib.util
import random
import threading
import time

import psutil
import pytest

from lcvd.ledger.rows import write_ledger
from lcvd.ledger.story import counts
from tests.tasks.test_chunks import mapped

pytestmark = pytest.mark.usefixtures("prefect_api")
CLIPS, KILLS = 200, 3


def workers() -> list[psutil.Process]:
    """Processes that hold chunks: of the pool, or Ray's, which tell what they do in their name."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if ("spawn_main" in command and process.ppid() == psutil.Process().pid) or (
                command.startswith("ray::") and "IDLE" not in command and "Agent" not in command
            ):
                found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", ["processes", "ray"])
def test_a_map_whose_workers_are_killed_ends_with_the_undisturbed_ledger(kind, chunk_work, tmp_path):
    if kind == "ray" and importlib.util.find_spec("prefect_ray") is None:
        pytest.skip("prefect-ray isn't installed: pip install '.[ray]'")
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
    assert counts(rows) == {"failed": 20, "failed:gone": 20, "filtered": 20, "filtered:dark": 20, "kept": 160}
    assert (tmp_path / "stormy.parquet").read_bytes() == (tmp_path / "calm.parquet").read_bytes()
