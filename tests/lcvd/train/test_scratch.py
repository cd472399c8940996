"""Scratch folders of runs: what makes a run another one, what is said of other runs, and how one continues another."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lcvd.errors import UsageError
from lcvd.train.scratch import HASHES, Identity, continue_from, hashes, other_runs
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.test_checkpoint import make


@pytest.mark.parametrize(
    "train",
    [
        {"processes": 2}, {"batch": 2}, {"loaders": 3}, {"keep": 9}, {"checkpoint_every": 1}, {"memory_mb": 0},
        {"engine": {"zero": 2, "checkpointed_levels": 1, "compile": True}}, {"max_broken": 0.5},
        {"watch": {"log_every": 1, "video_every": 5, "trackers": ["tensorboard"]}},
        {"steps": 7, "optimiser": {"schedule": "constant"}},
    ],
)  # fmt: skip
def test_a_setting_that_doesnt_change_the_mathematics_keeps_the_run(shards: Path, tmp_path: Path, train: Any) -> None:
    settings = {"optimiser": train["optimiser"]} if "optimiser" in train else {}
    old, new = tiny(**settings), tiny(**train)
    assert Identity.of(old, shards, tmp_path).key == Identity.of(new, shards, tmp_path).key


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {"global_batch": 4}, "train.global_batch: 2 -> 4"),
        ({}, {"steps": 7}, "train.steps: 6 -> 7"),
        ({"objective": {}}, {"objective": {"dropout": 0.2}}, "train.objective.dropout: 0.1 -> 0.2"),
        ({}, {"precision": "bf16"}, "train.precision: fp32 -> bf16"),
    ],
)
def test_a_setting_that_changes_the_mathematics_makes_another_run(
    shards: Path, tmp_path: Path, before: Any, after: Any, change: str
) -> None:
    old, new = (Identity.of(tiny(**each), shards, tmp_path) for each in (before, after))
    assert old.key != new.key
    assert new.changes(old.parts) == [change]


def test_seed_shards_and_code_make_another_run(shards: Path, tmp_path: Path) -> None:
    old = Identity.of(tiny(), shards, tmp_path)
    new = Identity.of(tiny().model_copy(update={"seed": 5}), shards, tmp_path)
    assert new.changes({**old.parts, "shards": {}, "code": ""}) == ["seed: 0 -> 5", "the shards", "the code"]


def test_another_run_is_named_with_its_step_and_the_difference(shards: Path, tmp_path: Path) -> None:
    old, new = (Identity.of(tiny(global_batch=count), shards, tmp_path) for count in (2, 4))
    folder = tmp_path / old.key
    old.write(folder)
    assert list(other_runs(tmp_path, new)) == [], "it has no checkpoint"
    make(folder / "checkpoints", 100)
    assert list(other_runs(tmp_path, old)) == []
    assert list(other_runs(tmp_path, new)) == [
        f"{folder} has a checkpoint of step-00000100; this run differs in train.global_batch: 2 -> 4"
    ]
    continue_from(folder, tmp_path / new.key)
    copy = tmp_path / new.key / "checkpoints/step-00000100"
    assert {path.name for path in copy.iterdir()} == {
        path.name for path in (folder / "checkpoints" / copy.name).iterdir()
    }
    assert list(other_runs(tmp_path, new)) == []
    with pytest.raises(UsageError, match="nothing: no checkpoint to resume from"):
        continue_from(tmp_path / "nothing", tmp_path / "third")


def test_a_shard_is_hashed_again_only_if_its_size_or_time_changed(tmp_path: Path) -> None:
    data, known = tmp_path / "data", tmp_path / HASHES
    data.mkdir()
    (data / "a.tar").write_bytes(b"one")
    first = hashes(data, known)
    rows = json.loads(known.read_text())
    name = str(data / "a.tar")
    known.write_text(json.dumps({name: [*rows[name][:2], "remembered"]}))
    assert hashes(data, known) == {"a.tar": "remembered"}
    (data / "a.tar").write_bytes(b"two")
    os.utime(data / "a.tar", ns=(0, 1))
    assert hashes(data, known)["a.tar"] not in ("remembered", first["a.tar"])
