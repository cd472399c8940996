from __future__ import annotations

import io

import pytest

from lcvd.train.progress import Progress, clock


def test_progress_without_a_terminal_is_lines_with_rate_and_time_left() -> None:
    stream = io.StringIO()
    progress = Progress("train", 100, done=10, stream=stream, every_s=0)
    progress.update(40, "loss 0.5")
    assert stream.getvalue().startswith("train 40/100  loss 0.5  ")
    assert stream.getvalue().endswith(" left\n")
    quiet = io.StringIO()
    progress = Progress("train", 3, stream=quiet, every_s=3600)
    for step in (1, 2, 3):
        progress.update(step)
    assert [line.split()[1] for line in quiet.getvalue().splitlines()] == ["1/3", "3/3"]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
