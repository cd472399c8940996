"""Allowed and rejected addresses; host names are resolved from a table instead of the network."""

import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lcvd.download.fetch.network_guard import block_private_networks, check_address
from lcvd.ledger.rows import ClipError

NAMES = {"public.test": "93.184.215.14", "inside.test": "192.168.1.9", "localhost": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int | None, *_: object, **__: object) -> list:
        if host not in NAMES and not host[0].isdigit():
            raise socket.gaierror(-2, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (NAMES.get(host, host), port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


PRIVATE = [
    "http://127.0.0.1/x", "http://[::1]/x", "http://10.1.2.3/x", "http://169.254.169.254/latest", "http://0.0.0.0/",
    "http://[::ffff:192.168.0.1]/", "http://[fe80::1%25eth0]/", "http://localhost:8000/", "https://inside.test/clip.mp4",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused_unless_allowed(url: str) -> None:
    with pytest.raises(ClipError, match="private network") as caught:
        check_address(url, allowed=False)
    assert caught.value.reason == "private_address"
    check_address(url, allowed=True)


@pytest.mark.parametrize("url", ["https://public.test/a.mp4", "http://93.184.215.14:81/a.mp4"])
def test_public_addresses_pass(url: str) -> None:
    check_address(url, allowed=False)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://public.test/a", "http:///a", "http:a"])
def test_other_schemes_never_pass(url: str) -> None:
    with pytest.raises(ClipError, match="not an http"):
        check_address(url, allowed=True)


def test_an_unknown_host_is_a_transient_error() -> None:
    with pytest.raises(httpx.TransportError, match=r"nowhere\.test cannot be resolved"):
        check_address("http://nowhere.test/", allowed=False)


def test_behind_a_proxy_only_numeric_addresses_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    check_address("http://nowhere.test/", allowed=False)
    for url in ("http://127.0.0.1/", "http://localhost/"):
        with pytest.raises(ClipError, match="private network"):
            check_address(url, allowed=False)


def test_no_library_can_connect_to_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last check: host names that resolve differently the second time, and libraries that follow redirects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://public.test:{server.getsockname()[1]}/"
        check_address(url, allowed=False)
        monkeypatch.setitem(NAMES, "public.test", "127.0.0.1")
        with (
            pytest.raises(ClipError, match=r"public\.test.*leads to 127\.0\.0\.1") as caught,
            block_private_networks(url, allowed=False),
        ):
            httpx.get(url)
        assert caught.value.reason == "private_address"

        def library() -> None:
            try:
                urllib.request.urlopen(url)
            except OSError:
                raise ValueError("its own error") from None

        with pytest.raises(ClipError), block_private_networks(url, allowed=False):
            library()
        with pytest.raises(TimeoutError):
            server.accept()  # no connection arrived


def test_the_guard_is_limited_to_its_thread_and_context() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

        def connect() -> None:
            socket.create_connection(address).close()

        with block_private_networks("http://x.test/", allowed=True):
            connect()
        with block_private_networks("http://x.test/", allowed=False):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(connect).result()
            with pytest.raises(PermissionError):
                connect()
        connect()


def test_the_guard_allows_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        with block_private_networks("http://x.test/", allowed=False):
            socket.create_connection(server.getsockname()).close()
            with pytest.raises(PermissionError):
                socket.create_connection(other.getsockname())
