"""Helpers of the tests that start and kill real processes."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tasks.runtime.environment import prepare, scratch
from tests.tasks.helpers.repository import make

LIMIT_S = 30.0


@pytest.fixture(scope="session")
def prefect_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Prefect server on loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LCVD_SCRATCH", str(tmp_path_factory.mktemp("prefect") / ".lcvd"))
        patch.delenv("PREFECT_API_URL", raising=False)
        prepare()
        from tasks.runtime.server import prefect_server

        with prefect_server() as url:
            yield url
        assert str(scratch()).startswith(str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def prefect_api(prefect_of_session: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A real Prefect server on loopback, used by this process whatever a test before did to the environment."""
    from prefect.context import refresh_global_settings_context

    monkeypatch.setenv("PREFECT_API_URL", prefect_of_session)
    refresh_global_settings_context()
    return prefect_of_session


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small real git and DVC repository; the working folder."""
    return make(tmp_path / "project", monkeypatch)


@pytest.fixture
def chunk_work(monkeypatch: pytest.MonkeyPatch) -> object:
    """Module of chunk functions that pool workers can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "helpers"))
    import chunk_work

    yield chunk_work
    sys.modules.pop("chunk_work")


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], object], limit: float = LIMIT_S) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, "it didn't happen in time"
            time.sleep(0.05)

    return wait


@pytest.fixture
def running() -> Callable[[int], bool]:
    """Tells whether a process runs (a zombie doesn't)."""

    def alive(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return alive


@pytest.fixture(autouse=True)
def leaves_no_process() -> Iterator[None]:
    """Whatever a test starts is gone when it ends."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    deadline = time.monotonic() + LIMIT_S
    while True:
        left = [
            c
            for c in psutil.Process().children(recursive=True)
            if c.pid not in before and "resource_tracker" not in _command(c)
        ]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert not left, [(child.pid, _command(child)) for child in left]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
