"""Complete downloads from a server that simulates failures: the right row for each address, and nothing downloaded
twice."""

from pathlib import Path

import pytest

from lcvd.cache.store import Cache
from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.failures import FailureCache
from lcvd.download.manifest.files import read_manifests, write_manifest
from lcvd.download.stage import download_chunk
from lcvd.errors import MachineError
from lcvd.ledger.rows import Row
from tests.bad_server import BODY, HALF, Server

SETTINGS = DownloadSettings(retries=0, timeout_s=5, backoff_s=0.01, min_free_gb=0)
FIRST = {
    "good": "", "busy-once": "", "404": "dead", "410": "dead", "403": "blocked", "429-0": "blocked", "busy": "blocked",
    "bot": "blocked", "disguised": "blocked", "inwards": "private_address", "stall": "broken", "cut": "broken",
    "short-length": "broken", "no-length": "broken", "500": "broken", "text": "not_a_video",
}  # fmt: skip
"""Expected reason of each path in the first run, without retries of broken ones."""
PASSING = ("busy", "bot", "disguised", "stall", "cut", "short-length", "no-length")
"""Paths that succeed once the server is repaired."""


def run(
    tmp_path: Path, cache: Cache, paths: dict[str, str], settings: DownloadSettings = SETTINGS, **options: str
) -> dict[str, Row]:
    """Three clips of every address, each in its own call, as workers process them."""
    rows = [
        {
            "id": f"{name}_{clip}",
            "identity": "x",
            "address": address,
            "start": f"frame:{clip}",
            "licence": "l",
            "dataset": "d",
        }
        for name, address in paths.items()
        for clip in range(3)
    ]
    write_manifest(tmp_path / "m.csv", rows)
    options = {"run": "first"} | options
    found = [
        download_chunk([each], tmp_path / "out", cache, settings, **options)[0] for each in read_manifests(tmp_path)
    ]
    return {row.id: row for row in found}


def reasons(rows: dict[str, Row]) -> dict[str, str]:
    """Reason by address; all clips of an address must have the same."""
    found: dict[str, set[str]] = {}
    for id, row in rows.items():
        found.setdefault(id.rpartition("_")[0], set()).add(row.reason or ("" if row.status == "kept" else row.status))
    assert all(len(each) == 1 for each in found.values())
    return {name: each.pop() for name, each in found.items()}


def test_every_failure_has_its_row_and_a_second_run_retries_transient_ones(
    tmp_path: Path, cache: Cache, behind: Server
) -> None:
    paths = {name: f"http://clips.test/{name}" for name in FIRST}
    settings = SETTINGS.model_copy(update={"give_up_after": 100})
    assert reasons(run(tmp_path, cache, paths, settings)) == FIRST
    first = behind.counts()
    assert first == {
        name: 2 if (word == "blocked" and name != "busy") or name == "busy-once" else 1 for name, word in FIRST.items()
    }
    behind.repaired = True
    behind.hits.clear()
    assert reasons(run(tmp_path, cache, paths, settings, run="second")) == FIRST | dict.fromkeys(PASSING, "")
    refused = {"403": 2, "429-0": 2, "500": 1}
    assert behind.counts() == dict.fromkeys(PASSING, 1) | refused
    assert f"cut bytes={HALF}-" in behind.hits
    media = list((tmp_path / "out" / "media").iterdir())
    assert [path.read_bytes() for path in media] == [BODY]
    behind.hits.clear()
    run(tmp_path, cache, paths, settings, run="third")
    assert behind.counts() == refused


def test_sites(tmp_path: Path, cache: Cache, behind: Server) -> None:
    pytest.importorskip("yt_dlp", reason="yt-dlp isn't installed: pip install 'lcvd[sites]'")
    expected = {"watch-good": "", "watch-removed": "dead", "watch-bot": "blocked", "watch-stall": "broken"}
    paths = {name: f"site:http://clips.test/{name}" for name in expected}
    assert reasons(run(tmp_path, cache, paths)) == expected
    assert behind.counts() == {
        "watch-good": 1,
        "good": 1,
        "watch-removed": 1,
        "watch-bot": 2,
        "watch-stall": 1,
        "stall": 1,
    }
    behind.repaired = True
    behind.hits.clear()
    assert reasons(run(tmp_path, cache, paths, run="second")) == dict.fromkeys(expected, "") | {"watch-removed": "dead"}
    assert not {"watch-good", "good", "watch-removed"} & set(behind.counts())


def test_a_host_that_refuses_everything_is_given_up(tmp_path: Path, cache: Cache, behind: Server) -> None:
    paths = {f"v{n}": f"http://clips.test/403-0?{n}" for n in range(5)} | {"w": "http://other.test/good"}
    rows = run(tmp_path, cache, paths, SETTINGS.model_copy(update={"give_up_after": 2}))
    assert reasons(rows) == {f"v{n}": "blocked" for n in range(5)} | {"w": ""}
    assert behind.counts() == {"403-0": 4, "good": 1}
    assert "skipped because clips.test refused 2 sources in a row" in rows["v4_0"].detail


def test_a_dead_address_can_be_revived(tmp_path: Path, cache: Cache, behind: Server) -> None:
    paths = {"gone": "http://clips.test/410"}
    for word in ("first", "second"):
        assert reasons(run(tmp_path, cache, paths, run=word)) == {"gone": "dead"}
    assert behind.hits == ["410"]
    assert FailureCache(cache.root.parent / "verdicts", "").clear() == 1
    run(tmp_path, cache, paths, run="third")
    assert behind.hits == ["410"] * 2


def test_changed_settings_retry_a_permanent_failure(tmp_path: Path, cache: Cache, behind: Server) -> None:
    paths = {"good": "http://clips.test/good"}
    assert reasons(run(tmp_path, cache, paths, SETTINGS.model_copy(update={"max_bytes": 1000}))) == {
        "good": "too_large"
    }
    assert reasons(run(tmp_path, cache, paths)) == {"good": ""}


def test_a_file_with_a_wrong_hash_is_removed_from_the_cache(tmp_path: Path, cache: Cache, behind: Server) -> None:
    rows = run(tmp_path, cache, {"good": f"http://clips.test/good#md5={'0' * 32}"})
    assert reasons(rows) == {"good": "changed"}
    assert "the file has md5" in rows["good_0"].detail
    assert behind.hits == ["good"]
    assert not list((cache.root / "media").glob("??/*"))
    run(tmp_path, cache, {"good": f"http://clips.test/good#md5={'0' * 32}"}, run="second")
    assert behind.hits == ["good"] * 2


def test_a_full_disk_ends_the_stage_without_failing_a_clip(tmp_path: Path, cache: Cache, behind: Server) -> None:
    full = SETTINGS.model_copy(update={"min_free_gb": 1e9})
    with pytest.raises(MachineError, match="download.min_free_gb"):
        run(tmp_path, cache, {"good": "http://clips.test/good"}, full)
    assert behind.hits == []
    assert reasons(run(tmp_path, cache, {"good": "http://clips.test/good"})) == {"good": ""}
