"""Fixtures: a server that simulates failures, used directly or as a proxy."""

from collections.abc import Iterator

import pytest

from tests.bad_server import Server, bad_server


@pytest.fixture
def bad() -> Iterator[Server]:
    """The server, used directly."""
    with bad_server() as server:
        yield server


@pytest.fixture
def behind(bad: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server as this machine's HTTP proxy: it answers for every http address, so hosts look public."""
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", bad.address)
    return bad
