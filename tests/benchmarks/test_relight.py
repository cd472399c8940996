"""Relighting holds no pixels of a clip: its memory hardly grows with it."""

from __future__ import annotations

import pytest

from benchmarks.relight import GROWTH, run


@pytest.mark.slow
def test_memory_is_flat_and_another_light_is_quick() -> None:
    found = run((128, 384), rounds=9)  # shorter clips don't fill every window and pool, which says nothing about growth
    assert set(found["peak_mb"]) == {"128", "384"}
    assert 0.9 < found["ratio"] <= GROWTH
    assert 0.2 < found["busy"]["384"] <= 1
    assert found["light_ms"] < 1000 * found["preview_s"]  # one hint from cached codes against a clip from files
