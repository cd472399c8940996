"""Progress: lines in a log, not one for every step; one line in a terminal."""

import io
import sys

import pytest

from lcvd import progress
from lcvd.progress import ProgressPrinter, clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock; a test may change it."""
    seconds = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    return seconds


def test_a_log_gets_a_line_now_and_then(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressPrinter(labels={"reading": "Reading faces", "sampling": "Relighting"}) as shown:
        shown("reading", 0, 1)
        shown("reading", 1, 1)
        for done in range(51):
            shown("sampling", done, 50)
            now[0] += 4
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == ""
    assert lines[:2] == ["Reading faces: 0 of 1", "Reading faces: 1 of 1, took 0:00"]
    assert lines[2:4] == ["Relighting: 0 of 50", "Relighting: 3 of 50, 0.25/s, about 3:08 left"]
    assert lines[-2:] == ["Relighting: 48 of 50, 0.25/s, about 0:08 left", "Relighting: 50 of 50, 0.25/s, took 3:20"]
    assert len(lines) == 2 + 2 + 16  # steps of 4 s: every third is 10 s after the last line


def test_rate_and_time_left_count_the_steps_of_this_run(now: list[float]) -> None:
    """A run that was resumed at step 10; the loss is shown as well."""
    lines: list[str] = []
    with ProgressPrinter(lines.append, unit="steps") as shown:
        shown("train", 10, 100)
        now[0] += 15
        shown("train", 40, 100, "loss 0.5")
    assert lines == ["train: 10 of 100 steps", "train: 40 of 100 steps, loss 0.5, 2/s, about 0:30 left"]


def test_the_last_step_is_always_shown(now: list[float]) -> None:
    lines: list[str] = []
    shown = ProgressPrinter(lines.append)
    for step in (1, 2, 3):
        shown("train", step, 3)
    assert [line.split()[1] for line in lines] == ["1", "3"]


def test_a_terminal_rewrites_one_line(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressPrinter() as shown:
        for done in range(4):
            shown("sampling", done, 4)
            now[0] += 1
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    states = text.split("\r\x1b[K")[1:]
    assert states[2].startswith("sampling: [##########..........] 2 of 4, 1/s, about 0:02 left")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
