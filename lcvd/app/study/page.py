"""The study's web page: one video at a time beside the portrait and the light, and three questions.

A browser is told ids drawn with the study's key, never a method's or a file's name. Every id is looked up in what was found
when the study was opened, so none leads to another file.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lcvd.app.study.material import Study, Trial
from lcvd.app.study.ratings import SCALE, Rating, append, rater_name, read
from lcvd.app.web import LOOPBACK, SAFETY, body_of, guarded, templates_of
from lcvd.errors import UsageError
from lcvd.metrics.user_study import QUESTIONS

ASSETS = Path(__file__).parent / "assets"
COOKIE, COOKIE_SECONDS = "rater", 90 * 24 * 3600
LARGEST_FORM = 4096
WORDS = ("bad", "poor", "fair", "good", "excellent")
"""Of the scale, as in ITU-T P.910."""
TEXTS = {
    "LA-User": ("Light", "How well does the light on the person match the light asked for?"),
    "ID-User": ("Person", "How much does the person in the video look like the one in the portrait?"),
    "VQ-User": ("Quality", "How good does the video look: sharp, steady, natural?"),
}


def study_app(study: Study, host: str = LOOPBACK[0]) -> Starlette:
    """The page as an ASGI application.

    Args:
        study: what is shown; ratings go into its folder.
        host: the address it is served at, see `guarded`.
    """
    page = _Page(study)
    routes = [
        Route("/", page.start, methods=["GET"]),
        Route("/start", page.enter, methods=["POST"]),
        Route("/leave", page.leave, methods=["POST"]),
        Route("/rate", page.next, methods=["GET"]),
        Route("/rate/{trial}", page.show, methods=["GET"]),
        Route("/rate/{trial}", page.rate, methods=["POST"]),
        Route("/media/{id}", page.media, methods=["GET"]),
        Route("/study.{kind}", page.asset, methods=["GET"]),
    ]
    return guarded(routes, host)


class _Page:
    def __init__(self, study: Study) -> None:
        self._study = study
        self._templates = templates_of("lcvd.app.study")

    async def start(self, request: Request) -> Response:
        """Who are you?"""
        return self._html("start.html", rater=_rater(request), error=None, videos=len(self._study.trials))

    async def enter(self, request: Request) -> Response:
        """Remember the name, and go where this rater stopped."""
        text = (await _form(request)).get("rater", "")
        try:
            rater = rater_name(text)
        except UsageError as error:
            return self._html(
                "start.html", HTTPStatus.BAD_REQUEST, rater=text, error=error, videos=len(self._study.trials)
            )
        answer = _to("/rate")
        answer.set_cookie(COOKIE, quote(rater), max_age=COOKIE_SECONDS, httponly=True, samesite="strict")
        return answer

    async def leave(self, request: Request) -> Response:
        """Forget the name: the next person at this screen."""
        await _form(request)
        answer = _to("/")
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def next(self, request: Request) -> Response:
        """The first video that this rater hasn't judged, or thanks."""
        rater = _rater(request)
        if rater is None:
            return _to("/")
        given, order = self._given(rater), self._study.order(rater)
        for trial in order:
            if trial.id not in given:
                return _to(f"/rate/{trial.id}")
        return self._html("done.html", rater=rater, last=order[-1].id)

    async def show(self, request: Request) -> Response:
        """One video and its questions."""
        rater = _rater(request)
        if rater is None:
            return _to("/")
        trial = self._trial(request)
        given = self._given(rater)
        scores = {name: str(score) for name, score in given[trial.id].scores.items()} if trial.id in given else {}
        return self._questions(rater, trial, scores)

    async def rate(self, request: Request) -> Response:
        """Keep what was answered."""
        rater, form = _rater(request), await _form(request)
        if rater is None:
            return _to("/")
        trial = self._trial(request)
        scores = {name: form.get(name, "") for name in QUESTIONS}
        open_questions = [name for name, score in scores.items() if score not in map(str, SCALE)]
        if open_questions:
            return self._questions(rater, trial, scores, open_questions)
        append(
            self._study.ratings,
            Rating(rater, trial.method, trial.shot, {name: int(score) for name, score in scores.items()}),
        )
        return _to("/rate")

    async def media(self, request: Request) -> Response:
        """A video or picture. What tells when it was made would tell methods apart."""
        path = self._study.media.get(request.path_params["id"])
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        plain = {"last-modified": "Thu, 01 Jan 1970 00:00:00 GMT", "etag": f'"{request.path_params["id"]}"'}
        return FileResponse(path, headers=SAFETY | plain)

    async def asset(self, request: Request) -> Response:
        """The page's style and script."""
        kind = request.path_params["kind"]
        if kind not in ("css", "js"):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return FileResponse(ASSETS / f"study.{kind}", headers=SAFETY)

    def _trial(self, request: Request) -> Trial:
        trial = self._study.trials.get(request.path_params["trial"])
        if trial is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return trial

    def _given(self, rater: str) -> dict[str, Rating]:
        """This rater's ratings by trial; those of videos that the study no longer has are left out."""
        names = self._study.by_name
        found = [r for r in read(self._study.ratings) if r.rater == rater and (r.method, r.shot) in names]
        return {names[(rating.method, rating.shot)].id: rating for rating in found}

    def _questions(
        self, rater: str, trial: Trial, scores: dict[str, str], missing: list[str] | None = None
    ) -> Response:
        order = [each.id for each in self._study.order(rater)]
        place = order.index(trial.id)
        return self._html(
            "trial.html",
            HTTPStatus.BAD_REQUEST if missing else HTTPStatus.OK,
            rater=rater,
            trial=trial,
            number=place + 1,
            total=len(order),
            before=order[place - 1] if place else None,
            done=len(self._given(rater)),
            questions=[(name, *TEXTS[name], scores.get(name, "")) for name in QUESTIONS],
            scale=list(zip(map(str, SCALE), WORDS, strict=True)),
            missing=missing or [],
        )

    def _html(self, name: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> Response:
        return HTMLResponse(self._templates.get_template(name).render(**values), int(status), headers=SAFETY)


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, int(HTTPStatus.SEE_OTHER), headers=SAFETY)


def _rater(request: Request) -> str | None:
    try:
        return rater_name(unquote(request.cookies.get(COOKIE, "")))
    except UsageError:
        return None


async def _form(request: Request) -> dict[str, str]:
    """A form's fields, of this page's own forms alone.

    Raises:
        HTTPException: sent from another site, too long, or no text.
    """
    body = await body_of(request, LARGEST_FORM)
    try:
        return {name: values[-1] for name, values in parse_qs(body.decode("utf-8")).items()}
    except UnicodeDecodeError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "not a form") from None
