"""Commits of a small project are counted for the keys that they change."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.replay_cache_keys import main


def test_commits_are_counted_by_what_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    module = tmp_path / "lcvd" / "face" / "track.py"
    module.parent.mkdir(parents=True)
    for text in ("A = 1\n", "A = 1  # a comment\n", "A = 2\n"):
        module.write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "an edit"], check=True)
    monkeypatch.setattr(sys, "argv", ["replay", "HEAD", "--commits", "2"])
    main()
    table = {row.split()[0]: row.split()[1:3] for row in capsys.readouterr().out.splitlines()}
    assert table["tracks"] == ["1", "2"]
    assert table["filter"] == ["0", "0"]
