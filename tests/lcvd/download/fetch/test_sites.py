"""yt-dlp as a library, with its generic extractor, against a server that simulates failures."""

import sys
from pathlib import Path

import pytest

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.sites import fetch_site, is_site
from lcvd.errors import MachineError
from lcvd.ledger.rows import ClipError
from tests.bad_server import BODY, Server

pytest.importorskip("yt_dlp", reason="yt-dlp isn't installed: pip install 'lcvd[sites]'")
SETTINGS = DownloadSettings(allow_private=True, retries=1, timeout_s=5, backoff_s=0.01)


def get(bad: Server, path: str, folder: Path, settings: DownloadSettings = SETTINGS) -> bytes:
    fetch_site(f"{bad.address}/{path}", folder / "file", settings, folder / "partial")
    assert [found.name for found in folder.iterdir()] == ["file"]
    return (folder / "file").read_bytes()


def reason(bad: Server, path: str, folder: Path, settings: DownloadSettings = SETTINGS) -> tuple[str, str]:
    with pytest.raises(ClipError) as caught:
        fetch_site(f"{bad.address}/{path}", folder / "file", settings, folder / "partial")
    assert caught.value.detail.startswith("http")
    assert not (folder / "file").exists()
    return caught.value.reason, caught.value.detail


def test_the_video_of_a_page(bad: Server, tmp_path: Path) -> None:
    assert get(bad, "watch-good", tmp_path) == BODY
    assert bad.count("watch-good") == 1


@pytest.mark.parametrize(("path", "word"), [
    ("404", "dead"), ("watch-removed", "dead"), ("403", "blocked"), ("429", "blocked"), ("watch-bot", "blocked"), ("500", "broken"),
])  # fmt: skip
def test_failures_are_classified(bad: Server, tmp_path: Path, path: str, word: str) -> None:
    found, detail = reason(bad, path, tmp_path)
    assert found == word
    assert bad.count(path) == (1 if word == "dead" else 2)  # one new extraction, one retry
    assert ("download.cookies" in detail) == (word == "blocked")
    assert "\x1b" not in detail
    assert "report this issue" not in detail


def test_a_pause_longer_than_patience_s_blocks(bad: Server, tmp_path: Path) -> None:
    found, detail = reason(bad, "busy", tmp_path)
    assert found == "blocked"
    assert "longer than download.patience_s" in detail
    assert bad.hits == ["busy"]


def test_a_truncated_body_is_resumed_by_the_next_run(bad: Server, tmp_path: Path) -> None:
    assert reason(bad, "watch-cut", tmp_path, SETTINGS.model_copy(update={"retries": 0}))[0] == "broken"
    bad.repaired = True
    assert get(bad, "watch-cut", tmp_path) == BODY
    assert [hit.startswith("cut bytes=") for hit in bad.hits if hit.startswith("cut")] == [False, True]


def test_a_stalled_site(bad: Server, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"timeout_s": 3, "retries": 0})
    assert reason(bad, "watch-stall", tmp_path, settings)[0] == "broken"


def test_a_video_that_is_too_large(bad: Server, tmp_path: Path) -> None:
    found, detail = reason(bad, "watch-good", tmp_path, SETTINGS.model_copy(update={"max_bytes": 1000}))
    assert found == "too_large"
    assert f"{len(BODY)} bytes, more than download.max_bytes (1000)" in detail


def test_a_full_disk_ends_the_stage(bad: Server, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"download\.min_free_gb"):
        fetch_site(
            f"{bad.address}/watch-good",
            tmp_path / "file",
            SETTINGS.model_copy(update={"min_free_gb": 1e9}),
            tmp_path / "a",
        )


def test_a_private_network_is_rejected(bad: Server, tmp_path: Path) -> None:
    assert reason(bad, "watch-good", tmp_path, DownloadSettings())[0] == "private_address"
    assert bad.hits == []


@pytest.mark.parametrize("path", ["inwards", "watch-inwards"])
def test_a_redirect_of_a_page_or_video_to_a_private_network(behind: Server, tmp_path: Path, path: str) -> None:
    """The proxy would request the inner address; it counts its requests."""
    with pytest.raises(ClipError, match=r"leads to 10\.0\.0\.7") as caught:
        fetch_site(f"http://clips.test/{path}", tmp_path / "file", DownloadSettings(retries=0), tmp_path / "partial")
    assert caught.value.reason == "private_address"
    assert "metadata" not in behind.counts()


def test_the_cookies_file_is_read_and_not_modified(
    bad: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str | None] = []
    give = bad.RequestHandlerClass.give
    monkeypatch.setattr(bad.RequestHandlerClass, "give", lambda self: (sent.append(self.headers["Cookie"]), give(self)))
    jar = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tkey\tsecret\n"
    jar.write_text(text)
    (tmp_path / "out").mkdir()
    assert get(bad, "watch-good", tmp_path / "out", SETTINGS.model_copy(update={"cookies": str(jar)})) == BODY
    assert set(sent) == {"key=secret"}
    assert jar.read_text() == text


@pytest.mark.parametrize(("url", "claimed"), [
    ("https://www.youtube.com/watch?v=CPCoMyuBRM0", True),
    ("https://vimeo.com/22439234", True),
    ("https://host.test/clips/a.mp4", False),
])  # fmt: skip
def test_which_addresses_are_video_pages(url: str, claimed: bool) -> None:
    assert is_site(url) is claimed


def test_without_yt_dlp_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_site.cache_clear()
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    monkeypatch.setitem(sys.modules, "yt_dlp.extractor", None)
    url = "https://www.youtube.com/watch?v=CPCoMyuBRM0"
    assert not is_site(url)
    is_site.cache_clear()
    with pytest.raises(MachineError, match=r"need yt-dlp: pip install 'lcvd\[sites\]'"):
        fetch_site(url, tmp_path / "file", SETTINGS, tmp_path / "partial")
