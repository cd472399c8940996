"""Relighting does not keep a clip's pixels: memory hardly grows with its length."""

import pytest

from benchmarks.relight import GROWTH, run


@pytest.mark.slow
def test_memory_is_constant_and_a_new_light_is_fast() -> None:
    found = run(
        (128, 384), rounds=9
    )  # shorter clips do not fill every window and memory pool, so they cannot show growth
    assert set(found["peak_mb"]) == {"128", "384"}
    assert 0.9 < found["ratio"] <= GROWTH
    assert 0.2 < found["busy"]["384"] <= 1
    assert found["light_ms"] < 1000 * found["preview_s"]  # one hint from cached codes, compared with a clip from files
