"""DVC's note of readers and writers, torn by a kill: real `dvc` refuses it, and goes on once it is mended."""

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.ops.repair_dvc_lock import unlock
from tasks.runtime.supervisor import child_environment
from tests.tasks.helpers.repository import dvc_cli


@pytest.mark.parametrize("torn", ["", '{"write": {}, "re'])
def test_dvc_goes_on_after_its_note_was_torn(repository: Path, torn: str) -> None:
    note = repository / ".dvc" / "tmp" / "rwlock"
    note.write_text(torn)
    argv = [sys.executable, "-m", "dvc", "repro", "first"]
    refused = subprocess.run(argv, cwd=repository, env=child_environment(), capture_output=True, text=True, check=False)
    assert refused.returncode != 0, "DVC mends it by itself now: `unlock` can go"
    assert "RWLock" in refused.stderr
    assert unlock(repository)
    dvc_cli(repository, "repro", "first")
    assert (repository / "data" / "first" / "out").read_text() == "a\n"


def test_a_whole_note_is_left_alone(tmp_path: Path) -> None:
    assert not unlock(tmp_path)
    note = tmp_path / ".dvc" / "tmp" / "rwlock"
    note.parent.mkdir(parents=True)
    note.write_text('{"read": {}}')
    assert not unlock(tmp_path)
    assert note.read_text() == '{"read": {}}'


def test_a_flow_mends_it_before_it_asks_dvc(repository: Path) -> None:
    from tasks.ops.dvc import dvc

    (repository / ".dvc" / "tmp" / "rwlock").write_text("")
    dvc("repro", "first", root=repository)
    assert (repository / "data" / "first" / "out").exists()
