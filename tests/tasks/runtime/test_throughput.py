"""What a map over real workers counts, and what training's own clock adds up to."""

import json

import pytest

from lcvd.ledger.numbers import measured
from tests.flows.conftest import found
from tests.tasks.runtime.test_map_chunks import mapped

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("LCVD_SCRATCH", str(tmp_path / ".lcvd"))
    return tmp_path / ".lcvd"


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_parts_of_all_workers_come_together_and_are_shown(kind, chunk_work, scratch, prefect_api):
    items = [chunk_work.Item(f"clip-{i}") for i in range(6)]
    rows = mapped(chunk_work.timed_work, items, scratch / "cache", kind=kind, workers=2, chunk=2)
    assert [row.id for row in rows] == [item.id for item in items]
    [work] = measured(scratch)
    assert (work.name, work.kind, work.workers, work.clips, work.computed, work.frames) == (
        "mapping", kind, 2, 6, 6, 60
    )  # fmt: skip
    assert work.parts["sleep"] >= 6 * 0.02
    assert work.busy_s >= work.computed_s >= work.parts["sleep"]
    assert 2 * work.wall_s >= work.busy_s
    shares = work.shares()
    assert sum(shares.values()) == pytest.approx(1)
    mapped(chunk_work.timed_work, items, scratch / "cache", kind=kind, workers=2, chunk=2)  # all from the cache
    assert measured(scratch) == [work]
    tables = [each for each in found(prefect_api, "artifacts") if each["key"] == "mapping-numbers"]
    assert any(row["part"] == "sleep" for table in tables for row in json.loads(table["data"]))


def test_training_is_read_from_its_own_clock_since_the_run_began(scratch, tmp_path):
    from prefect import flow

    from tasks.runtime.throughput import report_training

    line = {"step": 2, "seconds": 4.0, "seconds_per_step": 2.0, "clips_per_s": 1.5, "data_wait_share": 0.25}
    speed = tmp_path / "speed.jsonl"
    speed.write_text(json.dumps({**line, "seconds": 1000.0}) + "\n")
    since = speed.stat().st_size
    with speed.open("a") as stream:
        stream.write((json.dumps(line) + "\n") * 2)

    @flow
    def train() -> None:
        report_training(speed, since, 10.0)

    train()
    [work] = measured(scratch)
    assert (work.name, work.kind, work.clips, work.parts) == ("train", "alone", 12, {"data": 2.0, "steps": 6.0})
    assert work.shares() == pytest.approx({"steps": 0.6, "data": 0.2, "unnamed": 0.2, "waiting": 0.0})
