"""The relighting page: a light to drag, a hint that follows it at once, and jobs that render with the model."""

from __future__ import annotations

import asyncio
import functools
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import cv2
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lcvd.app.relight.card import About
from lcvd.app.relight.jobs import Job, Queue, Work
from lcvd.app.relight.light import LightInput, picture_of, presets_for_page
from lcvd.app.relight.make import LONGEST, Maker, ReadInput, RenderInput
from lcvd.app.relight.sessions import Session, Sessions
from lcvd.app.relight.uploads import KINDS, LIMITS, Refused, accept, check_size, copied, forget, receive
from lcvd.app.web import LOOPBACK, SAFETY, body_of, check_origin, guarded, templates_of
from lcvd.errors import LcvdError
from lcvd.light.area_lights import STRONGEST

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page.js", "ball.js", "light.js", "player.js", "server.js")
COOKIE = "session"
LARGEST_ASK = 16_384
Input = TypeVar("Input", bound=BaseModel)


class ShadeInput(BaseModel):
    """A light to look at, on a frame of the scene."""

    model_config = ConfigDict(extra="forbid")
    light: LightInput
    frame: int = Field(default=0, ge=0)


class PickInput(BaseModel):
    """An example's name."""

    model_config = ConfigDict(extra="forbid")
    name: str


def relight_app(
    maker: Maker,
    about: About,
    examples: dict[str, list[Path]],
    root: Path,
    host: str = LOOPBACK[0],
    limits: dict[str, int] | None = None,
) -> Starlette:
    """The page as an ASGI application.

    Args:
        maker: does the work. about: what the page says of its model.
        examples: files offered as ``portrait`` and ``driving``.
        root: a folder in which sessions keep their files; those of a run are deleted at its end.
        host: the address it is served at, see `guarded`.
        limits: bytes that uploads may have, by role (`uploads.LIMITS`).
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="lcvd-app-", dir=root) as folder:
            queue = Queue()
            app.state.sessions, app.state.queue = Sessions(Path(folder)), queue
            try:
                yield
            finally:
                await asyncio.to_thread(queue.close)

    page = _Page(maker, about, examples, limits or LIMITS)
    routes = [
        Route("/", page.start, methods=["GET"]),
        Route("/assets/{name}", page.asset, methods=["GET"]),
        Route("/state", page.state, methods=["GET"]),
        Route("/portrait", page.portrait, methods=["GET"]),
        Route("/files/{id}", page.file, methods=["GET"]),
        Route("/upload/{role}", page.upload, methods=["POST"]),
        Route("/pick/{role}", page.pick, methods=["POST"]),
        Route("/forget/{role}", page.forget, methods=["POST"]),
        Route("/shade", page.shade, methods=["POST"]),
        Route("/read", page.read, methods=["POST"]),
        Route("/render", page.render, methods=["POST"]),
        Route("/jobs/{id}", page.job, methods=["GET"]),
        Route("/jobs/{id}/cancel", page.cancel, methods=["POST"]),
    ]
    app = guarded(routes, host, lifespan)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(Refused, _told)
    return app


class _Page:
    def __init__(self, maker: Maker, about: About, examples: dict[str, list[Path]], limits: dict[str, int]) -> None:
        self._maker, self._about, self._examples, self._limits = maker, about, examples, limits
        self._templates = templates_of("lcvd.app.relight")

    async def start(self, request: Request) -> Response:
        """The page itself; who comes for the first time gets a session."""
        sessions: Sessions = request.app.state.sessions
        session = sessions.find(request.cookies.get(COOKIE))
        fresh = session is None
        session = session or sessions.new()
        if session is None:
            return HTMLResponse("Too many people use this page now; come back later.", 503, headers=SAFETY)
        told = {"presets": presets_for_page(), "limits": self._limits, "kinds": KINDS, "strongest": STRONGEST}
        text = self._templates.get_template("index.html").render(
            about=self._about,
            sampling=self._maker.model.pipe.sampling,
            longest=LONGEST,
            strongest=STRONGEST,
            kinds={role: ",".join(endings) for role, endings in KINDS.items()},
            limits={role: limit // 1_000_000 for role, limit in self._limits.items()},
            examples={role: [path.name for path in paths] for role, paths in self._examples.items()},
            presets=list(presets_for_page()),
            told=json.dumps(told),
        )
        answer = HTMLResponse(text, headers=SAFETY)
        if fresh:
            answer.set_cookie(COOKIE, session.id, httponly=True, samesite="strict")
        return answer

    async def asset(self, request: Request) -> Response:
        """Style and scripts."""
        name = request.path_params["name"]
        if name not in (*SCRIPTS, "page.css"):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return FileResponse(ASSETS / name, headers=SAFETY)

    async def state(self, request: Request) -> Response:
        """What the session has, for a page that is opened again."""
        session = _session(request)
        scene = session.scene
        job = session.job
        return _json(
            files={role: path.name for role, path in session.files.items()},
            frames=scene.frames if scene else 0,
            fps=scene.motion.fps if scene else 0,
            job=job.id if job and job.open else None,
        )

    async def portrait(self, request: Request) -> Response:
        """The square that was found in the portrait."""
        scene = _session(request).scene
        if scene is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        picture = await asyncio.to_thread(lambda: scene.portrait.first(256)[0])
        return Response(cv2.imencode(".png", picture[..., ::-1])[1].tobytes(), media_type="image/png", headers=SAFETY)

    async def file(self, request: Request) -> Response:
        """A result of this session's own; with ?save it is for keeping."""
        path = _session(request).results.get(request.path_params["id"])
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "this file isn't there any more; render again")
        name = path.name if "save" in request.query_params else None
        return FileResponse(path, headers=SAFETY, filename=name)

    async def upload(self, request: Request) -> Response:
        """A file as the body, its name in the query."""
        check_origin(request)
        session, role = _idle(request), _role(request)
        declared, parts = request.headers.get("content-length", ""), request.stream()
        try:
            check_size(role, int(declared) if declared.isdigit() else 0, self._limits)
            path = await receive(session, role, request.query_params.get("name", ""), parts, self._limits)
        except Refused:
            await _drained(parts, self._limits[role])
            raise
        return await self._accepted(session, role, path)

    async def pick(self, request: Request) -> Response:
        """One of the examples."""
        name = (await _asked(request, PickInput)).name
        session, role = _idle(request), _role(request)
        found = next((path for path in self._examples.get(role, []) if path.name == name), None)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such example")
        return await self._accepted(session, role, copied(session, found))

    async def _accepted(self, session: Session, role: str, path: Path) -> Response:
        await asyncio.to_thread(accept, session, role, path)
        return _json(name=path.name)

    async def forget(self, request: Request) -> Response:
        """Take back what was given."""
        check_origin(request)
        session, role = _idle(request), _role(request)
        forget(session, role)
        return _json()

    async def shade(self, request: Request) -> Response:
        """Ball and hint under a light, as one picture."""
        asked, session = await _asked(request, ShadeInput), _session(request)

        def render() -> bytes:
            scene = session.scene
            own = scene.portrait.codes.light[0] if scene else None
            light = asked.light.coefficients(own, session.environment)
            return picture_of(light, session.under(asked.frame))

        picture = await _tried(lambda: asyncio.to_thread(render))
        return Response(picture, media_type="image/png", headers=SAFETY)

    async def read(self, request: Request) -> Response:
        """Reconstruct the portrait and the clip."""
        asked, session = await _asked(request, ReadInput), _idle(request)
        if "portrait" not in session.files:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "there is no portrait yet; choose one first")
        return _begun(request, session, "read", functools.partial(self._maker.read, session, asked))

    async def render(self, request: Request) -> Response:
        """Render a frame, or the clip."""
        asked, session = await _asked(request, RenderInput), _idle(request)
        if session.scene is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "there is no portrait yet; choose one first")
        return _begun(request, session, "render", functools.partial(self._maker.render, session, asked))

    async def job(self, request: Request) -> Response:
        """How far the session's job is."""
        return _state(request, _job(request))

    async def cancel(self, request: Request) -> Response:
        """Stop it."""
        check_origin(request)
        job = _job(request)
        request.app.state.queue.cancel(job)
        return _state(request, job)


def _session(request: Request) -> Session:
    found: Session | None = request.app.state.sessions.find(request.cookies.get(COOKIE))
    if found is None:
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "this session has ended and its files are deleted; load the page again"
        )
    return found


def _idle(request: Request) -> Session:
    """The session, if nothing that is under way needs what it has."""
    session = _session(request)
    if session.job and session.job.open:
        raise HTTPException(HTTPStatus.CONFLICT, "something of yours is still under way; wait for it, or cancel it")
    return session


def _role(request: Request) -> str:
    role: str = request.path_params["role"]
    if role not in KINDS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return role


def _job(request: Request) -> Job:
    job = _session(request).job
    if job is None or job.id != request.path_params["id"]:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return job


def _begun(request: Request, session: Session, kind: str, work: Work) -> Response:
    session.job = Job(kind, work, session.plain)
    request.app.state.queue.add(session.job)
    return _state(request, session.job)


def _state(request: Request, job: Job) -> Response:
    phase, done, total = job.progress
    return _json(id=job.id, kind=job.kind, state=job.state, stopping=job.stopping, error=job.error, result=job.result,
                 ahead=request.app.state.queue.ahead(job), phase=phase, done=done, total=total)  # fmt: skip


async def _asked(request: Request, kind: type[Input]) -> Input:
    body = await body_of(request, LARGEST_ASK)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}") from None


async def _drained(parts: AsyncIterator[bytes], most: int) -> None:
    """Read on: a browser that is still sending may miss the answer when the connection is closed."""
    async for part in parts:
        most -= len(part)
        if most < 0:
            return


async def _tried(work: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await work()
    except LcvdError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None


def _json(**values: Any) -> Response:
    return JSONResponse(values, headers=SAFETY)


async def _told(_request: Request, error: Exception) -> Response:
    """An error as the page shows it."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, headers=SAFETY)
    return JSONResponse({"error": str(error)}, int(HTTPStatus.UNPROCESSABLE_ENTITY), headers=SAFETY)
