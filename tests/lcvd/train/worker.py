"""Several runs, one after the other, in one process of a group: ``python worker.py RUNS.json``.

Starting Python and joining a group takes most of the time of a run as small as the tests', so they share it.
"""

import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from lcvd.config.settings import Settings
from lcvd.train.trainer import Training

ROOT = Path(__file__).resolve().parents[3]


def start(world: int, runs: list[tuple[Settings, Path, Path]], folder: Path) -> None:
    """Run all `runs` (settings, shards, place) in `world` processes of one group; their messages go to ``folder/log``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"settings": s.model_dump(mode="json"), "shards": str(d), "place": str(p)} for s, d, p in runs]
    (folder / "runs.json").write_text(json.dumps(rows), encoding="utf-8")
    start_group(world, [__file__, str(folder / "runs.json")], folder)


def start_group(world: int, arguments: list[str], folder: Path) -> None:
    """Run ``python ARGUMENTS`` in `world` processes of one group; their messages go to ``folder/log``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {
        "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1",
        "DS_ACCELERATOR": "cpu", "PYTHONPATH": str(ROOT), "TORCH_CPP_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        group = [
            subprocess.Popen(
                [sys.executable, *arguments],
                env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
            for rank in range(world)
        ]
        try:
            codes = [process.wait(timeout=1200) for process in group]
        finally:
            for process in group:
                process.kill()
    assert codes == [0] * world, (folder / "log").read_text()


def main(path: str) -> None:
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # New tensors start as NaN, so that a run that reads uninitialised memory fails every time.
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    for row in json.loads(Path(path).read_text(encoding="utf-8")):
        settings, place = Settings.model_validate(row["settings"]), Path(row["place"])
        print("run", place, flush=True)
        Training(settings, Path(row["shards"]), place / "scratch", place / "out").run()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
