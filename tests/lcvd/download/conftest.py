"""A server that fails on purpose, behind which addresses look public."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bad_server import Server, bad_server


@pytest.fixture
def bad() -> Iterator[Server]:
    """The server, asked at its own address."""
    with bad_server() as server:
        yield server


@pytest.fixture
def behind(bad: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server as this machine's proxy: every http address leads to it, and none needs `download.allow_private`."""
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", bad.address)
    return bad
