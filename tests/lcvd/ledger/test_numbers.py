"""Rates, shares and projections, against sums done by hand."""

import dataclasses
import math

import pytest

from lcvd.ledger import numbers
from lcvd.ledger.numbers import Work, measured, note, plan, summary

WORK = Work(
    name="filter", ended="2026-01-01T00:00:00+00:00", machine="a computer", kind="processes", workers=2, threads=1,
    wall_s=10.0, busy_s=16.0, clips=8, computed=6, computed_s=15.0, frames=500, parts={"decode": 4.0, "face mesh": 8.0},
)  # fmt: skip
PACK = dataclasses.replace(
    WORK, name="pack", kind="alone", workers=1, busy_s=10.0, computed=8, computed_s=0.0, parts={"write": 10.0}
)


def test_shares_are_of_all_workers_time_and_add_up():
    shares = WORK.shares()
    assert shares == {"face mesh": 0.4, "decode": 0.2, "unnamed": 0.2, "waiting": 0.2}
    assert next(iter(shares)) == WORK.bottleneck == "face mesh"
    assert math.isclose(sum(shares.values()), 1.0)


def test_a_line_tells_rates_and_what_the_cache_gave():
    assert summary(WORK, 2) == (
        "0.8 clips/s, 50 frames/s, 2 of 8 from the cache; 40% face mesh, 20% decode; bottleneck: face mesh"
    )


def test_a_plan_spreads_clips_over_workers_and_machines_and_packs_on_one():
    # 6 clips took 15 worker seconds: 2.5 s a clip; 2 workers: 1.25 s by the clock on one machine
    found = plan([WORK, PACK], 28_800, machines=4, price=3.0, longer=2.0)
    assert [(each.name, each.hours, each.machine_hours, each.cost) for each in found] == [
        ("filter", 28_800 * 2 * 1.25 / 3600 / 4, 20.0, 60.0),
        ("pack", 28_800 * 2 * (10 / 8) / 3600, 20.0, 60.0),
    ]
    [filter] = plan([WORK], 28_800, workers=16)
    assert filter.hours == 28_800 * 2.5 / 16 / 3600
    for wrong in ({"clips": 0}, {"clips": 1, "machines": 0}, {"clips": 1, "price": -1}, {"clips": 1, "longer": 0}):
        with pytest.raises(ValueError, match="at least"):
            plan([WORK], **wrong)


def test_the_last_run_that_computed_something_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(numbers, "KEPT", 3)
    assert measured(tmp_path) == []
    slow = dataclasses.replace(WORK, wall_s=99.0)
    cached = dataclasses.replace(WORK, computed=0, computed_s=0.0)
    for work in (slow, PACK, WORK, cached):
        note(tmp_path, work)
    path = tmp_path / "numbers.jsonl"
    path.write_text(path.read_text() + '{"name": "of another version"}\n{"torn')
    assert measured(tmp_path) == [PACK, WORK]
    path.write_text(path.read_text() + "\n")
    for _ in range(6):
        note(tmp_path, WORK)
    assert len(path.read_text().splitlines()) <= 2 * numbers.KEPT
