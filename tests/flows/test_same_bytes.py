"""Every artifact's bytes depend on inputs, settings, code and weights alone."""

import hashlib
from pathlib import Path

import pytest

from tests.flows.conftest import CLIP, make_project

ROWS = [
    f"one,one,{CLIP},frame:0,frame:20,,test sequence,test\n",
    "two,zwei Ümläute,studio:head-0?seed=1&frames=18&size=96,,,,test,test\n",
    f"three,one,{CLIP},frame:40,frame:60,,test sequence,test\n",
]
HERE = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1"}
THERE = {
    "LC_ALL": "POSIX", "LANG": "tr_TR", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Pacific/Chatham",
    "PYTHONHASHSEED": "4242", "COLUMNS": "40",
}  # fmt: skip
STAGES = ("download", "filter", "reconstruct", "shard")


def hashes(folder: Path) -> dict[str, str]:
    """Of every file below a project's data folder."""
    found = sorted(path for path in (folder / "data").rglob("*") if path.is_file() and "sources" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.slow
def test_another_folder_locale_time_zone_hash_seed_and_order_give_the_same_bytes(tmp_path):
    found, locks = [], []
    for name, environment, rows in (("a", HERE, ROWS), ("else where/b", THERE, ROWS[::-1])):
        project = make_project(tmp_path / name)
        project.sources(*rows)
        project.environment = environment
        project.dvc("repro", "shard")
        found.append(hashes(project.folder))
        locks.append({stage: project.lock()["stages"][stage]["outs"] for stage in STAGES})
    assert found[0] == found[1]
    assert locks[0] == locks[1]
    assert {Path(path).parts[1] for path in found[0]} >= set(STAGES)
