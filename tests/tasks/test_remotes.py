"""What one checkout pushed another pulls, hash for hash: a folder as the remote, and an S3-compatible server on loopback."""

from __future__ import annotations

import hashlib
import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.test_dvc import commit, dvc_cli, repository, run

__all__ = ["repository"]
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every artifact."""
    found = [path for path in sorted((root / "data").rglob("*")) if path.is_file() and path.name != ".gitignore"]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def pushed_and_pulled(repository: Path, tmp_path: Path, *remote: str) -> None:
    """Push everything, clone with git, pull: equal files, nothing to run."""
    dvc_cli(repository, "repro", "third")
    dvc_cli(repository, "remote", "add", "--default", "storage", remote[0])
    for name, value in zip(remote[1::2], remote[2::2], strict=True):
        dvc_cli(repository, "remote", "modify", "storage", name, value)
    commit(repository)
    assert "pushed" in dvc_cli(repository, "push")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(repository), str(clone))
    assert not (clone / "data" / "third").exists()
    dvc_cli(clone, "pull", "first", "second", "third")
    assert hashes(clone) == hashes(repository)
    assert len(hashes(clone)) == 4
    assert dvc_cli(clone, "repro", "third").count("didn't change, skipping") == 3


def test_a_folder_as_the_remote(repository, tmp_path):
    pushed_and_pulled(repository, tmp_path, str(tmp_path / "storage"))
    assert sum(path.is_file() for path in (tmp_path / "storage").rglob("*")) == 4  # two contents, two lists of folders


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an S3-compatible server that knows one bucket."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("dvc_s3") is None:
        pytest.skip("moto or dvc-s3 isn't installed: pip install 'dvc[s3]' 'moto[server]'")
    for key, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                OPENER.open(f"{address}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        OPENER.open(urllib.request.Request(f"{address}/lcvd", method="PUT"), timeout=30).close()
        yield address
    finally:
        server.kill()
        server.wait()


def test_an_s3_compatible_server_as_the_remote(repository, tmp_path, s3):
    pushed_and_pulled(repository, tmp_path, "s3://lcvd/clips", "endpointurl", s3)
