from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lcvd.train.checkpoint import CheckpointError, check
from lcvd.train.universal_checkpoint import refuse_impossible
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.test_checkpoint import make


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
        CheckpointError, match=rf"was written by 2 processes, this run has 1, and .*{why}: start it with 2"
    ):
        refuse_impossible(path, 2, 1, settings)
    check(path)
    refuse_impossible(path, 2, 1, tiny(optimiser={"name": "adamw"}, engine={"zero": 2}).train)
