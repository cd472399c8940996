"""The relighting page: a draggable light with a live shading hint, and rendering jobs."""

import asyncio
import functools
import json
import tempfile
from collections.abc import AsyncIterator
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
from lcvd.app.web import LOOPBACK, SAFETY, body_of, check_origin, guarded
from lcvd.errors import LcvdError, UsageError
from lcvd.light.area_lights import STRONGEST
from lcvd.report.templates import templates_of

ASSETS = Path(__file__).parent / "assets"
COOKIE = "session"
MAX_BODY_BYTES = 16_384
Input = TypeVar("Input", bound=BaseModel)


class ShadeInput(BaseModel):
    """A light to preview on a frame of the scene."""

    model_config = ConfigDict(extra="forbid")
    light: LightInput
    frame: int = Field(default=0, ge=0)


class PickInput(BaseModel):
    """The name of an example."""

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
        maker: runs the jobs. about: facts about the model.
        examples: example files for the roles ``portrait`` and ``driving``.
        root: folder for the files of sessions; they are deleted when the server stops.
        host: the address to bind, see `guarded`.
        limits: maximum size of uploads in bytes by role (default: `uploads.LIMITS`).
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
    app = guarded(routes, host, ASSETS, lifespan)
    app.add_exception_handler(HTTPException, _error_response)
    app.add_exception_handler(LcvdError, _error_response)
    return app


class _Page:
    def __init__(self, maker: Maker, about: About, examples: dict[str, list[Path]], limits: dict[str, int]) -> None:
        self._maker, self._about, self._examples, self._limits = maker, about, examples, limits
        self._templates = templates_of("lcvd.app.relight")

    async def start(self, request: Request) -> Response:
        """The page; starts a session for a new browser."""
        sessions: Sessions = request.app.state.sessions
        session = sessions.find(request.cookies.get(COOKIE))
        fresh = session is None
        session = session or sessions.new()
        if session is None:
            return HTMLResponse("Too many people are using this page; try again later.", 503, headers=SAFETY)
        presets = presets_for_page()
        text = self._templates.get_template("index.html").render(
            about=self._about,
            sampling=self._maker.model.pipe.sampling,
            longest=LONGEST,
            strongest=STRONGEST,
            kinds={role: ",".join(endings) for role, endings in KINDS.items()},
            limits={role: limit // 1_000_000 for role, limit in self._limits.items()},
            examples={role: [path.name for path in paths] for role, paths in self._examples.items()},
            presets=list(presets),
            config=json.dumps({"presets": presets, "limits": self._limits}),
        )
        answer = HTMLResponse(text, headers=SAFETY)
        if fresh:
            answer.set_cookie(COOKIE, session.id, httponly=True, samesite="strict")
        return answer

    async def state(self, request: Request) -> Response:
        """The state of the session, for a reloaded page."""
        session = _session(request)
        scene, job = session.scene, session.job
        return _json(
            files={role: path.name for role, path in session.files.items()},
            frames=scene.frames if scene else 0,
            fps=scene.motion.fps if scene else 0,
            job=job.id if job and job.open else None,
        )

    async def portrait(self, request: Request) -> Response:
        """The square crop of the portrait."""
        scene = _session(request).scene
        if scene is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        picture = await asyncio.to_thread(lambda: scene.portrait.first(256)[0])
        return Response(cv2.imencode(".png", picture[..., ::-1])[1].tobytes(), media_type="image/png", headers=SAFETY)

    async def file(self, request: Request) -> Response:
        """A result of this session; ?save downloads it."""
        path = _session(request).results.get(request.path_params["id"])
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "this file has been deleted; render again")
        name = path.name if "save" in request.query_params else None
        return FileResponse(path, headers=SAFETY, filename=name)

    async def upload(self, request: Request) -> Response:
        """Upload a file: its content is the body, its name is in the query."""
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
        """Choose an example."""
        name = (await _input(request, PickInput)).name
        session, role = _idle(request), _role(request)
        found = next((path for path in self._examples.get(role, []) if path.name == name), None)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "this example doesn't exist")
        return await self._accepted(session, role, copied(session, found))

    async def _accepted(self, session: Session, role: str, path: Path) -> Response:
        await asyncio.to_thread(accept, session, role, path)
        return _json(name=path.name)

    async def forget(self, request: Request) -> Response:
        """Remove an uploaded file."""
        check_origin(request)
        session, role = _idle(request), _role(request)
        forget(session, role)
        return _json()

    async def shade(self, request: Request) -> Response:
        """Render the ball and the hint into one image."""
        wanted, session = await _input(request, ShadeInput), _session(request)

        def render() -> bytes:
            scene = session.scene
            own = scene.portrait.codes.light[0] if scene else None
            light = wanted.light.coefficients(own, session.environment)
            return picture_of(light, session.under(wanted.frame))

        return Response(await asyncio.to_thread(render), media_type="image/png", headers=SAFETY)

    async def read(self, request: Request) -> Response:
        """Reconstruct the portrait and the clip."""
        wanted, session = await _input(request, ReadInput), _idle(request)
        if "portrait" not in session.files:
            raise UsageError("no face found yet; choose a portrait")
        return _start_job(request, session, "read", functools.partial(self._maker.read, session, wanted))

    async def render(self, request: Request) -> Response:
        """Render a frame or the clip."""
        wanted, session = await _input(request, RenderInput), _idle(request)
        if session.scene is None:
            raise UsageError("no face found yet; choose a portrait")
        return _start_job(request, session, "render", functools.partial(self._maker.render, session, wanted))

    async def job(self, request: Request) -> Response:
        """The state of the session's job."""
        return _state(request, _job(request))

    async def cancel(self, request: Request) -> Response:
        """Cancel the session's job."""
        check_origin(request)
        job = _job(request)
        request.app.state.queue.cancel(job)
        return _state(request, job)


def _session(request: Request) -> Session:
    found: Session | None = request.app.state.sessions.find(request.cookies.get(COOKIE))
    if found is None:
        raise HTTPException(HTTPStatus.FORBIDDEN, "this session expired and its files were deleted; reload the page")
    return found


def _idle(request: Request) -> Session:
    """The session, if it has no running or waiting job."""
    session = _session(request)
    if session.job and session.job.open:
        raise HTTPException(HTTPStatus.CONFLICT, "your previous job is still running; wait for it, or cancel it")
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


def _start_job(request: Request, session: Session, kind: str, work: Work) -> Response:
    session.job = Job(kind, work, session.plain)
    request.app.state.queue.add(session.job)
    return _state(request, session.job)


def _state(request: Request, job: Job) -> Response:
    phase, done, total = job.progress
    return _json(id=job.id, kind=job.kind, state=job.state, stopping=job.stopping, error=job.error, result=job.result,
                 ahead=request.app.state.queue.ahead(job), phase=phase, done=done, total=total)  # fmt: skip


async def _input(request: Request, kind: type[Input]) -> Input:
    body = await body_of(request, MAX_BODY_BYTES)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}") from None


async def _drained(parts: AsyncIterator[bytes], limit: int) -> None:
    """Read the rest of the body: a browser that is still sending may miss the response if the connection closes."""
    async for part in parts:
        limit -= len(part)
        if limit < 0:
            return


def _json(**values: Any) -> Response:
    return JSONResponse(values, headers=SAFETY)


async def _error_response(_request: Request, error: Exception) -> Response:
    """The error message as JSON."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, headers=SAFETY)
    return JSONResponse({"error": str(error)}, int(HTTPStatus.UNPROCESSABLE_ENTITY), headers=SAFETY)
