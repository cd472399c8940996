"""Manifests may come from strangers: an address must not make this machine read its own network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from lcvd.ledger.rows import ClipError


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
        if host == "localhost" or (address and not ipaddress.ip_address(address).is_global):
            raise _private(url, address or host)


def check_peer(url: str, response: httpx.Response, allowed: bool) -> None:
    """Refuse a response whose connection went elsewhere than `check_address` looked up, before its body is read.

    Raises:
        ClipError: `private_address`.
    """
    parts = urlsplit(url)
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if allowed or peer is None or _proxied(parts.scheme, parts.hostname or ""):
        return
    if not ipaddress.ip_address(str(peer[0]).partition("%")[0]).is_global:
        raise _private(url, str(peer[0]))


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
