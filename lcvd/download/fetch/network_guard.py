"""SSRF guard: an address in an untrusted manifest must not make this machine access its private network."""

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

_thread_state = threading.local()
_PROXY_REQUEST = re.compile(rb"(?:[A-Z]+ https?://|CONNECT )([^/ ]+)[^ ]* HTTP/")


def check_address(url: str, allowed: bool) -> None:
    """Reject an address that is not http(s) or leads to this machine or a private network. Call it for every redirect.

    A proxy resolves host names itself; behind one, only numeric addresses and ``localhost`` can be checked.

    Raises:
        ClipError: `dead` or `private_address`.
        httpx.ConnectError: the host name cannot be resolved.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise ClipError(
            "dead", f"{url}: not an http(s) address; correct the manifest, unless it is the target of a redirect"
        )
    if allowed:
        return
    for address in [_as_ip(host)] if _as_ip(host) or _uses_proxy(parts.scheme, host) else _resolve(host):
        if host == "localhost" or (address and not is_public(address)):
            raise _private_address_error(url, address or host)


@contextmanager
def block_private_networks(url: str, allowed: bool) -> Iterator[None]:
    """Block connections of this thread to private networks (unless `allowed`), whichever library opens them.

    This covers libraries that follow redirects themselves, and host names that resolve differently than in
    `check_address`. Connections to the configured proxies are allowed.

    Raises:
        ClipError: `private_address`, even if the library hides or replaces the error.
    """
    _install()
    before = getattr(_thread_state, "proxies", None)
    _thread_state.proxies, _thread_state.refused = None if allowed else _proxies(), ""
    try:
        yield
    except Exception:
        if _thread_state.refused:
            raise _private_address_error(url, _thread_state.refused) from None
        raise
    finally:
        _thread_state.proxies = before


def is_public(address: str) -> bool:
    """Whether an IP address is globally reachable."""
    return ipaddress.ip_address(address).is_global


@functools.cache
def _install() -> None:
    sys.addaudithook(_audit_hook)  # sees every connection of this process; an audit hook cannot be removed


def _audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "http.client.send") or getattr(_thread_state, "proxies", None) is None:
        return
    if event == "http.client.send":
        request = _PROXY_REQUEST.match(arguments[1]) if isinstance(arguments[1], bytes) else None
        host = urlsplit(f"//{request[1].decode('latin-1')}").hostname or "" if request else ""
        addresses = ["127.0.0.1"] if host == "localhost" else [_as_ip(host)]
    elif isinstance(arguments[1], tuple) and arguments[1][:2] not in _thread_state.proxies:
        host = str(arguments[1][0])
        addresses = [_as_ip(host)] if _as_ip(host) else _resolve(host)
    else:
        return
    for address in addresses:
        if address and not is_public(address):
            _thread_state.refused = address
            raise PermissionError(f"{address} is in a private network")


def _proxies() -> set[tuple[str, int]]:
    """Addresses and ports of the configured proxies."""
    found = set()
    for proxy in getproxies().values():
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found |= {(address, port) for address in _resolve(parts.hostname or "")}
        except httpx.ConnectError:
            continue  # downloads through this proxy will fail with their own error
    return found


def _private_address_error(url: str, address: str) -> ClipError:
    detail = f"{url}: leads to {address} in a private network; set download.allow_private to allow it"
    return ClipError("private_address", detail)


def _as_ip(host: str) -> str:
    """`host` if it is an IP address, otherwise an empty string."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return ""


def _uses_proxy(scheme: str, host: str) -> bool:
    proxies = getproxies()
    return (scheme in proxies or "all" in proxies) and not proxy_bypass(host)


def _resolve(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise httpx.ConnectError(f"{host} cannot be resolved") from None
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})
