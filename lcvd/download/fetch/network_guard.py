"""Manifests may come from strangers: an address must not make this machine read its own network."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from lcvd.ledger.rows import ClipError

_watched = threading.local()
_ASKED_OF_PROXY = re.compile(rb"(?:[A-Z]+ https?://|CONNECT )([^/ ]+)[^ ]* HTTP/")


def check_address(url: str, allowed: bool) -> None:
    """Refuse what isn't http(s), or leads to this machine or a private network; call it for every redirect too.

    Behind a proxy, which looks names up itself, only addresses written as numbers and ``localhost`` can be judged.

    Raises:
        ClipError: `dead` or `private_address`.
        httpx.ConnectError: the name doesn't resolve.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise ClipError("dead", f"{url}: not an http(s) address; correct the manifest, or its host redirects there")
    if allowed:
        return
    for address in [_number(host)] if _number(host) or _proxied(parts.scheme, host) else _looked_up(host):
        if host == "localhost" or (address and not is_public(address)):
            raise _private(url, address or host)


@contextmanager
def guarded(url: str, allowed: bool) -> Iterator[None]:
    """While it lasts, this thread's sockets connect to no private network (unless `allowed`), whoever opens them: a library
    that follows redirects itself, or a name that resolves otherwise than when `check_address` asked. Proxies are let
    through.

    Raises:
        ClipError: `private_address`, even where the library swallowed the refusal or told another error.
    """
    _install()
    before = getattr(_watched, "proxies", None)
    _watched.proxies, _watched.refused = None if allowed else _proxies(), ""
    try:
        yield
    except Exception:
        if _watched.refused:
            raise _private(url, _watched.refused) from None
        raise
    finally:
        _watched.proxies = before


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    return ipaddress.ip_address(address).is_global


@functools.cache
def _install() -> None:
    sys.addaudithook(_on_event)  # the one place that every connection of this process passes; it can't be removed


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "http.client.send") or getattr(_watched, "proxies", None) is None:
        return
    if event == "http.client.send":
        asked = _ASKED_OF_PROXY.match(arguments[1]) if isinstance(arguments[1], bytes) else None
        host = urlsplit(f"//{asked[1].decode('latin-1')}").hostname or "" if asked else ""
        addresses = ["127.0.0.1"] if host == "localhost" else [_number(host)]
    elif isinstance(arguments[1], tuple) and arguments[1][:2] not in _watched.proxies:
        host = str(arguments[1][0])
        addresses = [_number(host)] if _number(host) else _looked_up(host)
    else:
        return
    for address in addresses:
        if address and not is_public(address):
            _watched.refused = address
            raise PermissionError(f"{address} is in a private network")


def _proxies() -> set[tuple[str, int]]:
    """Addresses and ports of the configured proxies."""
    found = set()
    for proxy in getproxies().values():
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found |= {(address, port) for address in _looked_up(parts.hostname or "")}
        except httpx.ConnectError:
            continue  # nothing can be fetched through it either, which its user will be told
    return found


def _private(url: str, address: str) -> ClipError:
    detail = f"{url}: leads to {address} in a private network; set download.allow_private to allow it"
    return ClipError("private_address", detail)


def _number(host: str) -> str:
    """`host` if it is an IP address, else an empty string."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return ""


def _proxied(scheme: str, host: str) -> bool:
    proxies = getproxies()
    return (scheme in proxies or "all" in proxies) and not proxy_bypass(host)


def _looked_up(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise httpx.ConnectError(f"{host} doesn't resolve") from None
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})
