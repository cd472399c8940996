"""A machine that fails: full disks, read-only folders, files that are missing or were altered."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lcvd.ledger.rows import read_ledger
from tests.flows.conftest import Project

STUDIO = "one,one,studio:head-0?seed=1&frames=18&size=96,,,,test,test\n"
FULL = "mount -t tmpfs -o size=48k tmpfs"
READ_ONLY = "mount -t tmpfs -o ro tmpfs"


@pytest.fixture(scope="module")
def mounting() -> None:
    """Skips where a process may not mount anything even in a namespace of its own."""
    if not shutil.which("unshare"):
        pytest.skip("there is no `unshare` here (util-linux)")
    done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting isn't permitted here: {done.stderr.decode().strip()}")


def stage_on(project: Project, mount: str, place: str) -> subprocess.CompletedProcess[str]:
    """Stage `download` with something mounted over a folder, seen by that process and its children alone."""
    (project.folder / place).mkdir(parents=True, exist_ok=True)
    script = f"{mount} {place} && exec python -m flows.download"
    return project.run("unshare", "-rm", "sh", "-c", script, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mount", "place", "said"),
    [
        (FULL, ".lcvd/cache", "the disk is full; free space"),
        (FULL, "data/download", "the disk is full; free space"),
        (READ_ONLY, ".lcvd/cache", "the folder is read-only; make it writable"),
        (READ_ONLY, "data/download", "the folder is read-only; make it writable"),
    ],
)
def test_a_folder_that_takes_nothing_ends_the_stage_in_one_message(fresh_project, mounting, mount, place, said):
    fresh_project.sources(STUDIO)
    done = stage_on(fresh_project, mount, place)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("download: ")
    assert said in last
    assert last.endswith("then run the same command again: what is done isn't done twice")
    assert "Traceback" not in done.stderr
    assert not (fresh_project.folder / "data" / "download" / "ledger.parquet").exists()
    fresh_project.run("python", "-m", "flows.download")
    [row] = read_ledger(fresh_project.folder / "data" / "download" / "ledger.parquet")
    assert row.status == "kept"


@pytest.mark.slow
def test_altered_entries_of_the_scratch_cache_are_found_said_and_made_again(copied):
    before = copied.lock()
    cache = copied.folder / ".lcvd" / "cache"
    altered = [next(cache.glob(pattern)) for pattern in ("sample/*/*/frames.mp4", "latents/*/*/latents.safetensors")]
    for path in altered:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    said = copied.dvc("repro", "--single-item", "--force", "shard")
    assert said.count("is incomplete or altered; computing it again") >= len(altered)
    assert copied.lock() == before


@pytest.mark.slow
def test_a_missing_weight_ends_the_stage_and_says_where_to_get_it(copied):
    copied.settings(filter={"quality": {"metric": "fastervqa"}})
    copied.environment["LCVD_WEIGHTS"] = str(copied.folder / "nothing")
    done = copied.run("python", "-m", "flows.filter", check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("filter: ")
    for part in ("FAST_VQA_3D_1_1.pth", "licence", "LCVD_WEIGHTS"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_when_no_sample_can_be_made_the_stage_says_why(copied):
    for path in Path(copied.folder, "data", "reconstruct", "packs").glob("*.tar"):
        path.unlink()
    done = copied.run("python", "-m", "flows.shard", check=False)
    assert done.returncode == 1
    assert "no clips left: 1 failed:not_reconstructed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "not_reconstructed" in copied.run("lcvd", "ledger", "one").stdout
