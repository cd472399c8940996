"""Downloads from a real loopback server that simulates failures."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.http import fetch
from lcvd.errors import MachineError
from lcvd.ledger.rows import ClipError
from tests.bad_server import BODY as CLIP
from tests.bad_server import HALF

BODY = np.random.default_rng(0).bytes(300_000)
SETTINGS = DownloadSettings(allow_private=True, retries=2, timeout_s=5, backoff_s=0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    """The path selects the behaviour; `hits` lists path and Range of every request."""

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
    fetch(f"{server.address}/{path}", folder / "file", settings)
    assert [found.name for found in folder.iterdir()] == ["file"]
    return (folder / "file").read_bytes()


def reason(server, path: str, folder: Path, settings: DownloadSettings = SETTINGS) -> str:
    with pytest.raises(ClipError) as caught:
        fetch(f"{server.address}/{path}", folder / "file", settings)
    assert caught.value.detail.startswith(("http", "file:"))
    assert not (folder / "file").exists()
    return caught.value.reason


def test_good(server, tmp_path: Path) -> None:
    assert get(server, "good", tmp_path) == BODY


@pytest.mark.parametrize("code", [404, 410, 400])
def test_a_missing_file_is_requested_once(server, tmp_path: Path, code: int) -> None:
    assert reason(server, str(code), tmp_path) == "dead"
    assert server.hits == [str(code)]


@pytest.mark.parametrize("code", [401, 403, 429])
def test_a_refusal_is_retried_once_and_the_error_names_a_remedy(server, tmp_path: Path, code: int) -> None:
    with pytest.raises(
        ClipError, match=rf"HTTP {code}, refused by the host, after 2 attempts; .*download\.cookies"
    ) as caught:
        fetch(f"{server.address}/{code}", tmp_path / "file", SETTINGS)
    assert caught.value.reason == "blocked"
    assert server.hits == [str(code)] * 2


def test_a_refusal_does_not_count_as_a_retry(bad, tmp_path: Path) -> None:
    fetch(f"{bad.address}/busy-once", tmp_path / "file", SETTINGS.model_copy(update={"retries": 0}))
    assert bad.hits == ["busy-once"] * 2


def test_the_pause_a_host_asks_for_is_respected(bad, tmp_path: Path) -> None:
    begin = time.monotonic()
    fetch(f"{bad.address}/busy-once", tmp_path / "file", SETTINGS)
    assert time.monotonic() - begin >= 1.0  # Retry-After is 1 s, although the first back-off is 0.01 s
    assert (tmp_path / "file").read_bytes() == CLIP


def test_a_pause_longer_than_patience_s_blocks_immediately(bad, tmp_path: Path) -> None:
    with pytest.raises(
        ClipError, match=r"after 1 attempt \(the requested pause is longer than download\.patience_s\)"
    ) as caught:
        fetch(f"{bad.address}/busy", tmp_path / "file", SETTINGS)
    assert (caught.value.reason, bad.hits) == ("blocked", ["busy"])


@pytest.mark.parametrize("kind", ["bot", "disguised"])
def test_a_web_page_instead_of_a_file_is_a_refusal(bad, tmp_path: Path, kind: str) -> None:
    with pytest.raises(ClipError, match="received a web page instead of a file") as caught:
        fetch(f"{bad.address}/{kind}", tmp_path / "file", SETTINGS)
    assert (caught.value.reason, bad.hits) == ("blocked", [kind] * 2)
    bad.repaired = True
    fetch(f"{bad.address}/{kind}", tmp_path / "file", SETTINGS)
    assert (tmp_path / "file").read_bytes() == CLIP


def test_a_stalled_download_is_resumed_by_the_next_call(bad, tmp_path: Path) -> None:
    impatient = SETTINGS.model_copy(update={"timeout_s": 3, "retries": 0})
    with pytest.raises(ClipError, match="ReadTimeout") as caught:
        fetch(f"{bad.address}/stall", tmp_path / "file", impatient)
    assert caught.value.reason == "broken"
    bad.repaired = True
    fetch(f"{bad.address}/stall", tmp_path / "file", impatient)
    assert bad.hits == ["stall", f"stall bytes={HALF}-"]
    assert (tmp_path / "file").read_bytes() == CLIP


def test_a_full_disk_ends_the_stage_without_a_retry(bad, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"GB free, .* download\.min_free_gb reserves 1e\+09; free some"):
        fetch(f"{bad.address}/good", tmp_path / "file", SETTINGS.model_copy(update={"min_free_gb": 1e9}))
    assert bad.hits == ["good"]


def test_cookies_are_sent_to_their_own_site_only(bad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []
    jar = tmp_path / "cookies.txt"
    line = "{}\tFALSE\t/\tFALSE\t4102444800\tkey\tsecret\n"
    jar.write_text("# Netscape HTTP Cookie File\n" + line.format("127.0.0.1") + line.format("other.test"))
    monkeypatch.setattr(
        bad.RequestHandlerClass, "give", lambda self: (sent.append(self.headers["Cookie"]), self.begin(0))
    )
    fetch(f"{bad.address}/good", tmp_path / "file", SETTINGS.model_copy(update={"cookies": str(jar)}))
    assert sent == ["key=secret"]
    jar.write_text("key: secret")
    for path in (jar, tmp_path / "nowhere.txt"):
        with pytest.raises(MachineError, match=r"download\.cookies: .*set a cookies\.txt"):
            fetch(f"{bad.address}/good", tmp_path / "file", SETTINGS.model_copy(update={"cookies": str(path)}))


def test_a_server_error_is_retried(server, tmp_path: Path) -> None:
    assert get(server, "flaky", tmp_path) == BODY
    assert server.hits == ["flaky"] * 3
    (tmp_path / "other").mkdir()
    assert reason(server, "500", tmp_path / "other") == "broken"
    assert server.hits.count("500") == 1 + SETTINGS.retries


def test_a_truncated_body_is_resumed(server, tmp_path: Path) -> None:
    assert get(server, "cut", tmp_path) == BODY
    assert server.hits == ["cut", "cut bytes=100000-"]


def test_the_next_call_resumes(server, tmp_path: Path) -> None:
    assert reason(server, "cut", tmp_path, SETTINGS.model_copy(update={"retries": 0})) == "broken"
    assert get(server, "cut", tmp_path) == BODY
    assert server.hits == ["cut", "cut bytes=100000-"]


def test_a_changed_file_is_fetched_from_its_beginning(server, tmp_path: Path) -> None:
    assert get(server, "changing", tmp_path) == BODY
    assert server.hits == ["changing", "changing bytes=100000-"]  # answered with 200 and the whole file


@pytest.mark.parametrize(("path", "hits"), [("unmarked", ["unmarked"] * 2), ("forbidden-range", [
    "forbidden-range", "forbidden-range bytes=100000-", "forbidden-range"])])  # fmt: skip
def test_a_file_that_cannot_be_resumed_is_fetched_from_its_beginning(
    server, tmp_path: Path, path: str, hits: list[str]
) -> None:
    assert get(server, path, tmp_path) == BODY
    assert server.hits == hits


def test_a_body_that_is_always_truncated_is_broken(server, tmp_path: Path) -> None:
    assert reason(server, "always-cut", tmp_path) == "broken"
    assert len(server.hits) == 1 + SETTINGS.retries


def test_a_timeout(server, tmp_path: Path) -> None:
    impatient = SETTINGS.model_copy(update={"timeout_s": 0.2, "retries": 1})
    assert reason(server, "slow", tmp_path, impatient) == "broken"
    assert len(server.hits) <= 2  # on a busy machine the connection itself may take longer


def test_a_refused_connection(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"http://127\.0\.0\.1:9/x: ConnectError .*after 3 attempts; retry later"):
        fetch("http://127.0.0.1:9/x", tmp_path / "file", SETTINGS)


def test_a_file_that_is_too_large_is_not_downloaded(server, tmp_path: Path) -> None:
    assert reason(server, "good", tmp_path, SETTINGS.model_copy(update={"max_bytes": 1000})) == "too_large"
    assert max((path.stat().st_size for path in tmp_path.iterdir()), default=0) <= 1000


def test_redirects_are_followed_up_to_a_limit(server, tmp_path: Path) -> None:
    assert get(server, "redirect", tmp_path) == BODY
    (tmp_path / "file").unlink()
    assert reason(server, "redirect-loop", tmp_path) == "dead"
    assert reason(server, "redirect-file", tmp_path) == "dead"


def test_a_private_network_is_rejected_without_a_request(server, tmp_path: Path) -> None:
    assert reason(server, "good", tmp_path, DownloadSettings()) == "private_address"
    assert server.hits == []


def test_a_redirect_into_a_private_network_is_refused(behind, tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="http://10.0.0.7/metadata: leads to 10.0.0.7 in a private network") as caught:
        fetch("http://clips.test/inwards", tmp_path / "file", DownloadSettings())
    assert (caught.value.reason, behind.hits) == ("private_address", ["inwards"])


def test_behind_a_proxy(behind, tmp_path: Path) -> None:
    fetch("http://clips.test/good", tmp_path / "file", DownloadSettings())
    assert (tmp_path / "file").read_bytes() == CLIP
