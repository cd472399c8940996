"""A deployment like `train-lcvd`, and its stage: the flow starts this file as a program, which maps 200 clips."""

import sys
from pathlib import Path

from tasks.runtime.environment import prepare

prepare()

import chunk_work  # noqa: E402
from prefect import flow  # noqa: E402

from lcvd.config.settings import RunnerSettings  # noqa: E402
from lcvd.ledger.rows import write_ledger  # noqa: E402
from tasks.ops.dvc import child_flow_environment  # noqa: E402
from tasks.runtime.entrypoint import entry, only_one, served  # noqa: E402
from tasks.runtime.map_chunks import map_chunks  # noqa: E402
from tasks.runtime.supervisor import supervise  # noqa: E402

CLIPS = 200


@flow(name="chain")
def chain(kind: str) -> None:
    """Run the stage as a supervised program."""
    supervise([sys.executable, __file__, kind], name="mapping", env=child_flow_environment(), grace=8.0)


@flow(name="mapping")
def mapping(kind: str) -> None:
    """Judge all clips, each once, and write their ledger."""
    items = [chunk_work.Item(f"clip-{i:03}") for i in range(CLIPS)]
    runner = RunnerSettings(kind=kind, workers=2, chunk=4)
    rows = map_chunks(chunk_work.judged_once, items, 0.15, Path("made").absolute(), runner=runner, name="mapping")
    write_ledger(Path("ledger.parquet"), rows)


if __name__ == "__main__":
    with entry("mapping"), only_one("mapping"), served():
        mapping(sys.argv[1])
