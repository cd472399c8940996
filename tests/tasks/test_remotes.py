"""What one checkout pushed another pulls, hash for hash: a folder as the remote, and on loopback an S3-compatible server, one that
speaks as Google's storage does, and an SSH server."""

import contextlib
import getpass
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.helpers.repository import commit, dvc_cli, run

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


@contextlib.contextmanager
def served(port: int, *argv: str) -> Iterator[None]:
    """While open, the server `argv` runs; it listens on `port` of loopback by then."""
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def needs(*modules: str) -> None:
    """Skip without them."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} isn't installed: pip install -e '.[dev]'")


def put(url: str, method: str, body: bytes | None = None) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    OPENER.open(request, timeout=30).close()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an S3-compatible server that knows one bucket."""
    needs("moto", "dvc_s3")
    for key, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    port = free_port()
    with served(port, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)):
        put(f"http://127.0.0.1:{port}/lcvd", "PUT")
        yield f"http://127.0.0.1:{port}"


def test_an_s3_compatible_server_as_the_remote(repository, tmp_path, s3):
    pushed_and_pulled(repository, tmp_path, "s3://lcvd/clips", "endpointurl", s3)


@pytest.fixture
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server that speaks as Google's storage does and knows one bucket."""
    needs("gcp_storage_emulator", "dvc_gs")
    port = free_port()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    emulator = ("gcp_storage_emulator", "start", "--host=127.0.0.1", f"--port={port}", "--in-memory")
    with served(port, sys.executable, "-m", *emulator):
        put(f"http://127.0.0.1:{port}/storage/v1/b?project=lcvd", "POST", b'{"name": "lcvd"}')
        yield f"http://127.0.0.1:{port}"


def test_googles_storage_as_the_remote(repository, tmp_path, gs):
    pushed_and_pulled(repository, tmp_path, "gs://lcvd/clips", "endpointurl", gs)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Port of an SSH server of our own, and the key that it lets in."""
    needs("dvc_ssh")
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if sshd is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd here: apt-get install openssh-server")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd as root wants its folder: mkdir /run/sshd")
    home, port = tmp_path / "ssh", free_port()
    home.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    shutil.copy(home / "user.pub", home / "authorized")
    lines = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": home / "host",
        "AuthorizedKeysFile": home / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "Subsystem": "sftp internal-sftp",
    }
    (home / "config").write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    with served(port, sshd, "-D", "-f", str(home / "config")):
        yield port, home / "user"


def test_an_ssh_server_as_the_remote(repository, tmp_path, ssh):
    port, key = ssh
    address = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{tmp_path / 'over-ssh'}"
    pushed_and_pulled(repository, tmp_path, address, "keyfile", str(key))
    assert sum(path.is_file() for path in (tmp_path / "over-ssh").rglob("*")) == 4
