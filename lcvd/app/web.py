"""Shared parts of the web pages: access checks, security headers, static files, and the server."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
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
    "referrer-policy": "same-origin",  # with no-referrer, browsers omit the Origin header of forms
    "cache-control": "no-store",
}
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def guarded(routes: Sequence[Route], host: str, assets: Path, lifespan: Lifespan | None = None) -> Starlette:
    """An application with these routes, and with the styles and scripts of `assets` and of all pages at ``/assets/``.

    If `host` is a loopback address, requests for other host names are refused. This prevents DNS rebinding.
    """
    files = {
        path.name: path for folder in (ASSETS, assets) for path in folder.iterdir() if path.suffix in (".css", ".js")
    }

    async def asset(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return FileResponse(path, headers=SAFETY)

    known = list(LOOPBACK) if host in LOOPBACK else ["*"]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=known)
    served = [*routes, Route("/assets/{name}", asset, methods=["GET"])]
    return Starlette(routes=served, middleware=[guard], lifespan=lifespan)


def check_origin(request: Request) -> None:
    """Check that a request comes from our own page.

    Raises:
        HTTPException: it was sent from another site.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this form was sent from another site")


async def body_of(request: Request, limit: int) -> bytes:
    """The body of a request from our own page.

    Raises:
        HTTPException: the request was sent from another site, or the body is longer than `limit` bytes.
    """
    check_origin(request)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return body


def serve(app: Starlette, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `started` is called with the address before the first request. Port 0 chooses a free port."""
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", server_header=False)
    socket = config.bind_socket()  # prints an error and exits if the port is in use
    socket.listen(config.backlog)  # accept connections before `started` publishes the address
    started(f"http://{host}:{socket.getsockname()[1]}/")
    uvicorn.Server(config).run(sockets=[socket])
