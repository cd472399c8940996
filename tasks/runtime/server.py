"""A temporary Prefect server for flows without one, shared by all stages of one `dvc repro`, with which it ends.

Prefect itself would start a server for each flow (5 s each on 2 cores), which outlives a flow that gets SIGKILL.
"""

import contextlib
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from lcvd.errors import LcvdError
from tasks.runtime.environment import scratch
from tasks.runtime.orphan_guard import dvc_above
from tasks.runtime.supervisor import start

START_S = 600.0  # seconds on an idle machine can be minutes on a busy one; a server that exits is noticed at once


class ServerError(LcvdError, RuntimeError):
    """No Prefect server responds."""


@contextlib.contextmanager
def prefect_server() -> Iterator[str]:
    """URL of the Prefect API: PREFECT_API_URL if set, else a temporary server, which is started if necessary.

    In the block PREFECT_API_URL is set to it, for this process and its children. The server runs until the `dvc` that runs
    this process (without one, this process) ends.

    Raises:
        ServerError: no server responds at PREFECT_API_URL, or the temporary server didn't start.
    """
    from prefect.context import refresh_global_settings_context  # for all threads, unlike temporary_settings

    if url := os.environ.get("PREFECT_API_URL"):
        if not _answers(url):
            raise ServerError(f"PREFECT_API_URL={url}: no Prefect server responds; start one with "
                              "`prefect server start`, or unset PREFECT_API_URL for a temporary one")  # fmt: skip
        yield url
        return
    owner = dvc_above() or os.getpid()
    home = scratch() / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "start.lock"):
        url = _running(home, owner) or _start(home, owner)
    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()
    try:
        yield url
    finally:
        del os.environ["PREFECT_API_URL"]
        refresh_global_settings_context()


def _running(home: Path, owner: int) -> str | None:
    """URL of the server that an earlier stage of the same `dvc` started; None if it doesn't respond."""
    try:
        known = json.loads((home / f"server-{owner}.json").read_text())
    except (OSError, ValueError):
        return None
    return known["url"] if _answers(known["url"]) else None


def _start(home: Path, owner: int) -> str:
    for stale in home.glob("server-*.json"):
        if not Path(f"/proc/{stale.stem.removeprefix('server-')}").exists():
            stale.unlink(missing_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1",
            "--port", str(port), "--log-level", "error", "--lifespan", "on"]  # fmt: skip
    # the settings of Prefect's own temporary servers: no user interface, no schedulers
    env = {
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_HOME": str(home),
    }
    report = home / "server.log"
    with report.open("ab") as stream:
        server = start(argv, env=env, output=stream.fileno(), watch=owner, grace=3.0)
    url, deadline = f"http://127.0.0.1:{port}/api", time.monotonic() + START_S
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            server.terminate()
            raise ServerError(f"the temporary Prefect server didn't start; see {report}")
        time.sleep(0.1)
    (home / f"server-{owner}.json").write_text(json.dumps({"url": url}))
    return url


def _answers(url: str) -> bool:
    loopback = urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if loopback else []))
    try:
        with opener.open(f"{url}/health", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True  # a server responds; Prefect reports the error
    except (OSError, ValueError):
        return False
