"""The memory that relighting a clip takes doesn't grow with the clip."""

from __future__ import annotations

import pytest

from benchmarks.relight import GROWTH, run


@pytest.mark.slow
def test_memory_is_flat_and_another_light_is_quick() -> None:
    found = run((32, 256), rounds=9)
    assert set(found["peak_mb"]) == {"32", "256"}
    assert 0.9 < found["ratio"] <= GROWTH
    assert 0.2 < found["busy"]["256"] <= 1
    assert found["light_ms"] < 1000 * found["preview_s"]  # one hint from cached codes against a clip from files
