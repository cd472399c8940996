"""Which addresses are let through; names are looked up in a table instead of the network."""

from __future__ import annotations

import socket

import httpx
import pytest

from lcvd.ledger.rows import ClipError
from lcvd.sources.private import check_address, check_peer

NAMES = {"public.test": "93.184.215.14", "inside.test": "192.168.1.9", "localhost": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, *_: object, **__: object) -> list:
        if host not in NAMES:
            raise socket.gaierror(-2, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (NAMES[host], 0))]

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


def test_an_unknown_name_may_be_tried_again() -> None:
    with pytest.raises(httpx.TransportError, match=r"nowhere\.test doesn't resolve"):
        check_address("http://nowhere.test/", allowed=False)


def test_behind_a_proxy_names_are_left_to_it_but_numbers_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    check_address("http://nowhere.test/", allowed=False)
    for url in ("http://127.0.0.1/", "http://localhost/"):
        with pytest.raises(ClipError, match="private network"):
            check_address(url, allowed=False)


def test_a_name_that_leads_elsewhere_on_the_second_look_up_is_refused() -> None:
    class Stream:
        def get_extra_info(self, _: str) -> tuple[str, int]:
            return "127.0.0.1", 80

    response = httpx.Response(200, extensions={"network_stream": Stream()})
    with pytest.raises(ClipError, match="leads to 127"):
        check_peer("http://public.test/", response, allowed=False)
    check_peer("http://public.test/", response, allowed=True)
