"""Where time goes, on a clock that the test turns."""

import threading

import pytest

from lcvd.cache.store import Cache
from lcvd.ledger import tally as module
from lcvd.ledger.rows import ClipError, failed, guard, kept
from lcvd.ledger.tally import Tally, count_frames, tallied, timed


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def interrupted(clock: Clock) -> None:
    clock.now += 32
    raise KeyError


def test_parts_are_disjoint_and_add_up_to_what_is_named(clock):
    with tallied() as tally:
        clock.now += 1
        with timed("encode"):
            clock.now += 2
            with timed("decode"):
                clock.now += 4
            with timed("decode"), timed("cache"):
                clock.now += 8
            clock.now += 16
        with pytest.raises(KeyError), timed("encode"):
            interrupted(clock)
    assert tally.seconds == {"decode": 4.0, "cache": 8.0, "encode": 2.0 + 16.0 + 32.0}
    assert tally.busy_s == 63.0
    assert tally.inner == []


def test_nothing_is_counted_outside_nor_for_another_thread():
    with timed("decode"):
        count_frames(3)
    with tallied() as tally:
        thread = threading.Thread(target=lambda: count_frames(5))
        thread.start()
        thread.join()
        count_frames(7)
    assert (tally.frames, tally.seconds) == (7, {})


def test_clips_from_the_cache_are_told_from_computed_ones(clock, tmp_path):
    cache = Cache(tmp_path / "cache")

    def work(key: str):
        def make(folder):
            clock.now += 5
            (folder / "x").write_text(key)
            if key == "cd":
                raise ClipError("bad", "x")

        clock.now += 1
        cache.entry("kind", key, make)
        return kept(key)

    with tallied() as tally:
        rows = [guard(key, lambda key=key: work(key), cache.journal) for key in ("ab", "ab", "ef", "cd")]
    assert [row.status for row in rows] == ["kept", "kept", "kept", "failed"]
    assert rows[3] == failed("cd", "bad", "x")
    assert (tally.clips, tally.computed, tally.computed_s) == (4, 2, 12.0)
    assert tally.made == 2


def test_what_workers_counted_adds_up():
    whole = Tally({"a": 1.0})
    whole.add(Tally({"a": 2.0, "b": 3.0}, busy_s=6.0, frames=7, clips=2, computed=1, computed_s=5.0, made=4))
    whole.add(Tally(busy_s=1.0, clips=1))
    assert whole == Tally({"a": 3.0, "b": 3.0}, busy_s=7.0, frames=7, clips=3, computed=1, computed_s=5.0, made=4)
