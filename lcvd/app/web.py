"""What the project's web pages share: who may reach them, what a browser is told to allow, how they are served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

ASSETS = Path(__file__).parent / "assets"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAFETY = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none, browsers send forms without their origin
    "cache-control": "no-store",
}
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def guarded(routes: Sequence[Route], host: str, lifespan: Lifespan | None = None) -> Starlette:
    """An application of these routes and of the style that all pages share, served at the address `host`.

    On a loopback address requests under another name are refused, so that no web page elsewhere can reach it by
    pointing its own name here.
    """
    known = list(LOOPBACK) if host in LOOPBACK else ["*"]
    shared = Route("/common.css", _style, methods=["GET"])
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=known)
    return Starlette(routes=[*routes, shared], middleware=[guard], lifespan=lifespan)


def templates_of(package: str) -> Environment:
    """The templates in a package's assets; what people typed is escaped."""
    loader = PackageLoader(package, "assets")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def check_origin(request: Request) -> None:
    """See that a request that changes something comes from our own page.

    Raises:
        HTTPException: it was sent from another site.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this form was sent from another site")


async def body_of(request: Request, limit: int) -> bytes:
    """The body, of our own page's requests alone.

    Raises:
        HTTPException: sent from another site, or longer than `limit` bytes.
    """
    check_origin(request)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return body


def serve(app: Starlette, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `started` is told the address before the first request. Port 0 takes any free one."""
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", server_header=False)
    socket = config.bind_socket()  # says so and exits where the port is taken
    socket.listen(config.backlog)  # who is told the address may ask at once, and waits until the server answers
    started(f"http://{host}:{socket.getsockname()[1]}/")
    uvicorn.Server(config).run(sockets=[socket])


async def _style(_request: Request) -> Response:
    return FileResponse(ASSETS / "common.css", headers=SAFETY)
