"""Progress where there is no terminal: lines in a log, not one for every step, none after the end."""

from __future__ import annotations

import pytest

from lcvd.cli import progress
from lcvd.cli.progress import Bars


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Bars() as shown:
        shown("reading", 0, 1)
        shown("reading", 1, 1)
        for done in range(51):
            shown("sampling", done, 50)
            now[0] += 4
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == ""
    assert lines[:3] == ["Reading faces", "Relighting", "Relighting: 3 of 50, about 188 s left"]
    assert lines[-1] == "Relighting: 48 of 50, about 8 s left"
    assert len(lines) == 2 + 16  # steps of 4 s: every third is 10 s after the last line
