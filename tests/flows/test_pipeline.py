"""All six real stages on a tiny profile, through `dvc repro`."""

import json
import time

import pytest

pytestmark = pytest.mark.slow  # hasn't been seen to pass yet


def test_all_stages_leave_what_they_promise(reproduced):
    data = reproduced.folder / "data"
    assert list(reproduced.lock()["stages"]) == ["download", "filter", "reconstruct", "shard", "train", "evaluate"]
    for stage in ("download", "filter", "reconstruct", "shard"):
        assert (data / stage / "ledger.parquet").exists()
    assert (data / "train" / "model" / "config.json").exists()
    assert "metrics" in json.loads((data / "evaluate" / "metrics.json").read_text())
    assert (data / "evaluate" / "report.html").read_text().startswith("<!doctype html>")
    assert "data/evaluate/metrics.json" in reproduced.dvc("metrics", "show")
    assert reproduced.run("git", "status", "--porcelain").stdout == ""
    assert not list(data.rglob("*.tmp"))


def test_a_second_repro_does_nothing_quickly(reproduced):
    before = reproduced.lock()
    begin = time.monotonic()
    said = reproduced.dvc("repro")
    assert time.monotonic() - begin < 10
    assert said.count("didn't change, skipping") == 6
    assert reproduced.lock() == before


def test_a_changed_threshold_scores_nothing_again(copied):
    entries = copied.entries()
    copied.settings(filter={"thresholds": {"min_face_px": 21.0}}, runner={"workers": 1})
    said = copied.dvc("repro", "filter")
    assert "Running stage 'filter'" in said
    assert "Running stage 'download'" not in said
    assert copied.entries() == entries


def test_an_added_clip_is_the_only_one_computed(copied):
    before = copied.entries()
    copied.sources(copied.FIRST, copied.SECOND)
    copied.dvc("repro", "shard")
    after = copied.entries()
    for kind in ("track", "analysis", "reconstruct", "sample"):
        assert after[kind] == before[kind] + 1
    assert after["probe"] == before["probe"]  # both clips are of one file
    copied.sources(copied.FIRST)
    assert "is cached - skipping run" in copied.dvc("repro", "shard")
    assert copied.entries() == after


def test_errors_are_one_line(copied):
    copied.settings(filter={"thresholds": {"min_fase_px": 1}})
    done = copied.run("python", "-m", "flows.filter", check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "filter: params.yaml:\n  unknown key 'filter.thresholds.min_fase_px'; did you mean 'min_face_px'?\n"
    )


def test_when_everything_is_filtered_the_next_stage_says_why(copied):
    copied.settings(filter={"thresholds": {"min_face_px": 5000.0}})
    copied.dvc("repro", "filter")
    done = copied.run("python", "-m", "flows.reconstruct", check=False)
    assert done.returncode == 1
    assert "nothing left to work on: 1 filtered:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_manifest_is_named(copied):
    copied.sources(copied.FIRST.replace("frame:20", "soon"))
    done = copied.run("python", "-m", "flows.download", check=False)
    assert done.returncode == 1
    assert "test.csv, line 2, column end: 'soon'" in done.stderr
    assert "Traceback" not in done.stderr
