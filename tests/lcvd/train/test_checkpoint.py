"""Which checkpoint is used, which ones are kept, and which are rejected."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lcvd.train.checkpoint import (
    CheckpointError,
    Position,
    check,
    fits_as_it_is,
    newest,
    prune,
    refuse_impossible,
    write_manifest,
)
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.worker import start_group

PARTS = """
import deepspeed, torch
from torch import distributed, nn
from lcvd.train.checkpoint import all_finite
from lcvd.train.collectives import start_processes

torch.use_deterministic_algorithms(True)  # fills uninitialised memory with NaN
start_processes()
with deepspeed.zero.Init():
    model = nn.Linear(3, 1)
parts = [p.ds_tensor for p in model.parameters()]
last = distributed.get_rank() == 1
assert [p.isnan().tolist() for p in parts] == ([[False, True], [True]] if last else [[False, False], [False]])
assert all_finite(list(model.parameters()))
if last:
    parts[0][0] = float("nan")
assert not all_finite(list(model.parameters()))
"""


def make(folder: Path, step: int) -> Path:
    """A folder that looks like a checkpoint of two processes."""
    path = folder / f"step-{step:08d}"
    path.mkdir(parents=True)
    for rank in range(2):
        (path / f"zero_pp_rank_{rank}.pt").write_bytes(bytes([step // 100, rank]) * 500)
    (path / "position.json").write_text(json.dumps({"step": step}))
    write_manifest(path)
    return path


@pytest.mark.parametrize(
    ("tear", "message"),
    [
        (lambda path: (path / "zero_pp_rank_1.pt").unlink(), r"zero_pp_rank_1\.pt: missing"),
        (
            lambda path: (path / "zero_pp_rank_1.pt").write_bytes(b"x" * 999),
            r"zero_pp_rank_1\.pt: 999 bytes instead of 1000",
        ),
        (lambda path: (path / "zero_pp_rank_0.pt").write_bytes(b"x" * 1000), r"zero_pp_rank_0\.pt: its bytes aren't"),
        (lambda path: (path / "manifest.json").unlink(), r"manifest\.json: .*No such file"),
        (lambda path: (path / "manifest.json").write_text("{"), r"manifest\.json: Expecting"),
    ],
    ids=["missing", "truncated", "changed", "no-manifest", "torn-manifest"],
)
def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tear: Any, message: str
) -> None:
    before, last = make(tmp_path, 100), make(tmp_path, 200)
    check(last)
    tear(last)
    with pytest.raises(CheckpointError, match=message):
        check(last)
    with caplog.at_level(logging.WARNING):
        assert newest(tmp_path) == before
    assert "step-00000200" in caplog.text
    assert "is damaged and isn't used" in caplog.text
    assert (tmp_path / "torn-step-00000200").is_dir(), "nothing is lost"


def test_without_a_whole_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    (make(tmp_path, 100) / "position.json").unlink()
    assert newest(tmp_path) is None


@pytest.mark.parametrize(("best", "left"), [(None, [400, 500]), (200, [200, 400, 500]), (500, [400, 500])])
def test_the_last_and_the_best_are_kept(tmp_path: Path, best: int | None, left: list[int]) -> None:
    for step in (100, 200, 300, 400, 500):
        make(tmp_path, step)
    prune(tmp_path, 2, best)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"step-{step:08d}" for step in left]


TWO, ONE = Position(processes=2, zero=2), Position(processes=1, zero=2)


@pytest.mark.parametrize(
    ("optimiser", "engine", "why"),
    [
        ({"name": "adamw8bit"}, {"zero": 1}, "not those of adamw8bit"),
        ({"name": "adamw"}, {"zero": 2, "offload": "optimiser"}, "engine.offload optimiser"),
    ],
)
def test_what_deepspeed_cant_convert_is_refused_by_name(
    tmp_path: Path, optimiser: dict[str, Any], engine: dict[str, Any], why: str
) -> None:
    path = make(tmp_path, 100)
    settings = tiny(optimiser=optimiser, engine=engine).train
    with pytest.raises(
        CheckpointError,
        match=rf"was written by 2 processes with engine.zero 2, this run has 1 .*{why}: start it with 2",
    ):
        refuse_impossible(path, TWO, ONE, settings)
    check(path)
    refuse_impossible(path, TWO, ONE, tiny(optimiser={"name": "adamw"}, engine={"zero": 2}).train)


def test_states_of_zero_0_need_zero_0_and_any_number_of_processes(tmp_path: Path) -> None:
    plain = Position(processes=2, zero=0)
    assert fits_as_it_is(plain, Position(processes=1, zero=0))
    assert not fits_as_it_is(plain, TWO)
    with pytest.raises(
        CheckpointError, match=r"states of ZeRO 0 for ZeRO 2: start it with 2 processes and engine.zero 0"
    ):
        refuse_impossible(make(tmp_path, 100), plain, TWO, tiny(engine={"zero": 2}).train)


def test_states_of_another_stage_or_number_of_processes_are_converted() -> None:
    assert fits_as_it_is(TWO, TWO)
    assert not fits_as_it_is(TWO, ONE)
    assert not fits_as_it_is(TWO, Position(processes=2, zero=1))
    assert fits_as_it_is(Position(processes=2), TWO), "an older checkpoint doesn't name its stage"


@pytest.mark.slow
def test_a_weight_that_isnt_finite_is_found_in_any_process_s_part_and_padding_is_no_weight(tmp_path: Path) -> None:
    start_group(2, ["-c", PARTS], tmp_path)
