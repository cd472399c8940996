from pathlib import Path

import pytest

from tasks.runtime.run_log import KEPT, last_run, remember


def test_the_last_run_of_a_stage_is_remembered_and_old_ones_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCVD_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path)
    assert last_run(tmp_path, "train") is None
    for number in range(2 * KEPT + 1):
        remember("filter", str(number), "Completed")
    remember("train", "x", "Failed")
    with (tmp_path / "scratch" / "runs.jsonl").open("a") as stream:
        stream.write('{"stage": "tra')
    found = last_run(tmp_path, "train")
    assert found
    assert (found["id"], found["state"]) == ("x", "Failed")
    assert len((tmp_path / "scratch" / "runs.jsonl").read_text().splitlines()) == KEPT + 2
