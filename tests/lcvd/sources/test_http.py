"""Fetching from a real server on loopback that fails on purpose."""

from __future__ import annotations

import http.server
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lcvd.config.settings import DownloadSettings
from lcvd.ledger.rows import ClipError
from lcvd.sources.http import fetch

BODY = np.random.default_rng(0).bytes(300_000)
SETTINGS = DownloadSettings(allow_private=True, retries=2, timeout_s=5)


class Handler(http.server.BaseHTTPRequestHandler):
    """Behaves as the path says; `hits` lists path and Range of every request."""

    hits: list[str]

    def do_GET(self) -> None:
        kind = self.path.strip("/")
        self.hits.append(f"{kind} {self.headers.get('Range', '')}".strip())
        count = sum(hit.split()[0] == kind for hit in self.hits)
        if kind.isdigit():
            self.send_error(int(kind))
        elif kind == "flaky" and count < 3:
            self.send_error(503)
        elif kind == "slow":
            time.sleep(1.0)
            self.send_body()
        elif kind in ("cut", "changing", "unmarked"):
            marks = [] if kind == "unmarked" else [("ETag", f'"{count if kind == "changing" else 1}"')]
            self.send_body(marks, cut=count == 1, tag=None if kind == "unmarked" else marks[0][1])
        elif kind == "always-cut":
            self.send_body(cut=True)
        elif kind == "forbidden-range" and "Range" in self.headers:
            self.send_error(416)
        elif kind == "forbidden-range":
            self.send_body([("ETag", '"1"')], cut=count == 1)
        elif kind.startswith("redirect"):
            self.send_response(302)
            places = {"redirect": "/good", "redirect-loop": "/redirect-loop", "redirect-file": "file:///etc/hostname"}
            self.send_header("Location", places.get(kind) or "http://10.0.0.7/metadata")
            self.end_headers()
        else:
            self.send_body()

    def send_body(self, headers=(), cut: bool = False, tag: str | None = None) -> None:
        start = 0
        if "Range" in self.headers and tag is not None and self.headers.get("If-Range") == tag:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        for name, value in headers:
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        self.wfile.write(BODY[start : start + 100_000] if cut else BODY[start:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    handler = type("Recording", (Handler,), {"hits": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
        httpd.hits, httpd.address = handler.hits, f"http://127.0.0.1:{httpd.server_port}"
        yield httpd
        httpd.shutdown()


def get(server, path: str, folder: Path, settings: DownloadSettings = SETTINGS) -> bytes:
    fetch(f"{server.address}/{path}", folder / "file", settings, pause=0.01)
    assert [found.name for found in folder.iterdir()] == ["file"]
    return (folder / "file").read_bytes()


def reason(server, path: str, folder: Path, settings: DownloadSettings = SETTINGS) -> str:
    with pytest.raises(ClipError) as caught:
        fetch(f"{server.address}/{path}", folder / "file", settings, pause=0.01)
    assert caught.value.detail.startswith(("http", "file:"))
    assert not (folder / "file").exists()
    return caught.value.reason


def test_good(server, tmp_path: Path) -> None:
    assert get(server, "good", tmp_path) == BODY


@pytest.mark.parametrize(
    ("code", "word"), [(404, "dead"), (410, "dead"), (400, "dead"), (403, "blocked"), (429, "blocked")]
)
def test_refusals_are_final_at_once(server, tmp_path: Path, code: int, word: str) -> None:
    assert reason(server, str(code), tmp_path) == word
    assert server.hits == [str(code)]


def test_a_server_error_is_tried_again_until_it_is_over(server, tmp_path: Path) -> None:
    assert get(server, "flaky", tmp_path) == BODY
    assert server.hits == ["flaky"] * 3
    (tmp_path / "other").mkdir()
    assert reason(server, "500", tmp_path / "other") == "broken"
    assert server.hits.count("500") == 1 + SETTINGS.retries


def test_a_truncated_body_is_continued_where_it_stopped(server, tmp_path: Path) -> None:
    assert get(server, "cut", tmp_path) == BODY
    assert server.hits == ["cut", "cut bytes=100000-"]


def test_the_next_call_continues_too(server, tmp_path: Path) -> None:
    assert reason(server, "cut", tmp_path, SETTINGS.model_copy(update={"retries": 0})) == "broken"
    assert get(server, "cut", tmp_path) == BODY
    assert server.hits == ["cut", "cut bytes=100000-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server, tmp_path: Path) -> None:
    assert get(server, "changing", tmp_path) == BODY
    assert server.hits == ["changing", "changing bytes=100000-"]  # answered by 200 and the whole


@pytest.mark.parametrize(("path", "hits"), [("unmarked", ["unmarked"] * 2), ("forbidden-range", [
    "forbidden-range", "forbidden-range bytes=100000-", "forbidden-range"])])  # fmt: skip
def test_without_a_way_to_continue_it_begins_anew(server, tmp_path: Path, path: str, hits: list[str]) -> None:
    assert get(server, path, tmp_path) == BODY
    assert server.hits == hits


def test_a_body_that_is_always_cut_is_broken_in_the_end(server, tmp_path: Path) -> None:
    assert reason(server, "always-cut", tmp_path) == "broken"
    assert len(server.hits) == 1 + SETTINGS.retries


def test_a_server_that_doesnt_answer_in_time(server, tmp_path: Path) -> None:
    impatient = SETTINGS.model_copy(update={"timeout_s": 0.2, "retries": 1})
    assert reason(server, "slow", tmp_path, impatient) == "broken"
    assert len(server.hits) <= 2  # on a busy machine the connection itself may take longer


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"http://127\.0\.0\.1:9/x: ConnectError .*after 3 tries; try later"):
        fetch("http://127.0.0.1:9/x", tmp_path / "file", SETTINGS, pause=0.01)


def test_too_large_is_refused_before_it_arrives(server, tmp_path: Path) -> None:
    assert reason(server, "good", tmp_path, SETTINGS.model_copy(update={"max_bytes": 1000})) == "too_large"
    assert max((path.stat().st_size for path in tmp_path.iterdir()), default=0) <= 1000


def test_redirects_are_followed_and_end(server, tmp_path: Path) -> None:
    assert get(server, "redirect", tmp_path) == BODY
    (tmp_path / "file").unlink()
    assert reason(server, "redirect-loop", tmp_path) == "dead"
    assert reason(server, "redirect-file", tmp_path) == "dead"


def test_a_private_network_is_refused_before_anything_is_asked(server, tmp_path: Path) -> None:
    assert reason(server, "good", tmp_path, DownloadSettings()) == "private_address"
    assert server.hits == []


def test_a_redirect_into_a_private_network_is_refused(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address passes as public, as a real host that redirects inwards would."""
    from lcvd.sources import http as module

    calls = itertools.count()
    check = module.check_address
    monkeypatch.setattr(module, "check_address", lambda url, allowed: check(url, allowed or next(calls) == 0))
    monkeypatch.setattr(module, "check_peer", lambda *_: None)
    assert reason(server, "redirect-private", tmp_path, DownloadSettings(retries=0)) == "private_address"
