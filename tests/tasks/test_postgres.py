"""Prefect on PostgreSQL by its one setting, with a real server on loopback."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTING = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
USER = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Address of an empty database."""
    if not (initdb := shutil.which("initdb")) or not shutil.which("postgres"):
        pytest.skip("initdb and postgres aren't on PATH: install PostgreSQL and put its bin there")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = None
    try:
        if USER:
            shutil.chown(folder, USER)
        options = {"user": USER, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        place = str(folder / "data")
        initialise = [initdb, "-D", place, "--username", "lcvd", "--auth", "trust", "--no-sync"]
        subprocess.run(initialise, check=True, **options)
        arguments = ["-D", place, "-h", "127.0.0.1", "-p", port, "-k", str(folder), "-F"]
        server = subprocess.Popen([str(Path(initdb).resolve().with_name("postgres")), *arguments], **options)
        address = f"postgresql://lcvd@127.0.0.1:{port}/postgres"
        asyncio.run(answering(address))
        yield address
    finally:
        if server:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


async def answering(address: str) -> None:
    import asyncpg

    for _ in range(600):
        try:
            await (await asyncpg.connect(address)).close()
            return
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.2)
    raise AssertionError("PostgreSQL doesn't answer")


async def query(address: str, text: str) -> list[tuple]:
    import asyncpg

    connection = await asyncpg.connect(address)
    try:
        return [tuple(row) for row in await connection.fetch(text)]
    finally:
        await connection.close()


RUN = """
from tasks.runtime.environment import prepare
prepare()
import chunk_work
from prefect import flow
from lcvd.config.runner import RunnerSettings
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.server import prefect_server

@flow(name="kept")
def kept():
    return map_chunks(chunk_work.plain, [chunk_work.Item("clip-1")], 1, runner=RunnerSettings(kind="threads"), name="kept")

with prefect_server():
    assert len(kept()) == 1
"""


def test_runs_are_kept_in_postgresql_and_no_other_database_is_made(postgres, tmp_path):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "LCVD_"))}
    env["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, Path(__file__).parent / "helpers")))
    env |= {"LCVD_SCRATCH": str(tmp_path / ".lcvd"), SETTING: postgres.replace("postgresql:", "postgresql+asyncpg:")}
    env |= {f"PREFECT_SERVER_DATABASE_{name}": "120" for name in ("TIMEOUT", "CONNECTION_TIMEOUT")}  # a busy machine
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert asyncio.run(query(postgres, "SELECT state_type::text FROM flow_run")) == [("COMPLETED",)]
    assert asyncio.run(query(postgres, "SELECT name FROM flow")) == [("kept",)]
    assert not list((tmp_path / ".lcvd").rglob("*.db"))
