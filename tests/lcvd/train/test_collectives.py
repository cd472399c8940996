"""What only a GPU shows, asserted by order: each process sets its own device first, and every collective names one."""

import ast
import json
from pathlib import Path

import pytest

from lcvd.cache.imports import ROOT
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.worker import start_group


@pytest.fixture(scope="module")
def calls(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[dict]]:
    """The recorded calls of each of two processes of a real run over gloo."""
    place = tmp_path_factory.mktemp("recorded")
    settings = tiny(steps=2, processes=2, watch={"held_out_every": 1, "held_out_windows": 2, "log_every": 1})
    (place / "settings.json").write_text(settings.model_dump_json(), encoding="utf-8")
    recorder = Path(__file__).with_name("recorder.py")
    start_group(2, [str(recorder), str(place / "settings.json"), str(shards), str(place)], place)
    return [json.loads((place / f"calls-{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_sets_its_own_device_before_it_joins(calls: list[list[dict]], rank: int) -> None:
    names = [call["name"] for call in calls[rank]]
    assert names[0] == "set_device"
    assert calls[rank][0]["argument"] == rank
    assert names.index("init_process_group") > 0
    assert "broadcast_object_list" in names


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_every_object_broadcast_names_its_device(calls: list[list[dict]], rank: int) -> None:
    devices = {device for call in calls[rank] if call["name"] == "broadcast_object_list" for device in call["devices"]}
    assert devices == {"cpu"}


def test_only_one_module_calls_collectives() -> None:
    """All others go through it, so that none can forget the device."""
    wanted = {"barrier", "all_reduce", "broadcast_object_list", "all_gather_object", "init_process_group"}
    for path in (ROOT / "lcvd").rglob("*.py"):
        called = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "distributed"
        }
        assert path.name == "collectives.py" or not called & wanted, path
