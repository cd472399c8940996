"""The study's web page: one video at a time with the portrait, the light and three questions.

Browsers receive only ids derived from the study's key, never names of methods or files. Ids are looked up among the files
found when the study was opened, so no other file can be requested.
"""

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
from lcvd.app.web import LOOPBACK, SAFETY, body_of, guarded
from lcvd.errors import UsageError
from lcvd.metrics.user_study import QUESTIONS
from lcvd.report.templates import templates_of

ASSETS = Path(__file__).parent / "assets"
COOKIE, COOKIE_SECONDS = "rater", 90 * 24 * 3600
MAX_FORM_BYTES = 4096
WORDS = ("bad", "poor", "fair", "good", "excellent")
"""Labels of the scale, as in ITU-T P.910."""
TEXTS = {
    "LA-User": ("Light", "How well does the light on the person match the target light?"),
    "ID-User": ("Person", "How much does the person in the video look like the one in the portrait?"),
    "VQ-User": ("Quality", "How good does the video look: sharp, steady, natural?"),
}


def study_app(study: Study, host: str = LOOPBACK[0]) -> Starlette:
    """The page as an ASGI application.

    Args:
        study: the study to show; ratings are written to its folder.
        host: the address to serve at, see `guarded`.
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
    ]
    return guarded(routes, host, ASSETS)


class _Page:
    def __init__(self, study: Study) -> None:
        self._study = study
        self._templates = templates_of("lcvd.app.study")

    async def start(self, request: Request) -> Response:
        """The start page, which asks for the rater's name."""
        return self._start(_rater(request))

    async def enter(self, request: Request) -> Response:
        """Remember the rater's name, and continue with the first unrated video."""
        text = (await _form(request)).get("rater", "")
        try:
            rater = rater_name(text)
        except UsageError as error:
            return self._start(text, error)
        answer = _to("/rate")
        answer.set_cookie(COOKIE, quote(rater), max_age=COOKIE_SECONDS, httponly=True, samesite="strict")
        return answer

    async def leave(self, request: Request) -> Response:
        """Forget the rater's name, for the next rater at this screen."""
        await _form(request)
        answer = _to("/")
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def next(self, request: Request) -> Response:
        """The first video that this rater hasn't rated, or the final page."""
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
        """Store the answers."""
        rater, form = _rater(request), await _form(request)
        if rater is None:
            return _to("/")
        trial = self._trial(request)
        scores = {name: form.get(name, "") for name in QUESTIONS}
        open_questions = [name for name, score in scores.items() if score not in map(str, SCALE)]
        if open_questions:
            return self._questions(rater, trial, scores, open_questions)
        numbers = {name: int(score) for name, score in scores.items()}
        append(self._study.ratings, Rating(rater, trial.method, trial.shot, numbers))
        return _to("/rate")

    async def media(self, request: Request) -> Response:
        """A video or image. File dates are hidden, because they could identify the method."""
        path = self._study.media.get(request.path_params["id"])
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        plain = {"last-modified": "Thu, 01 Jan 1970 00:00:00 GMT", "etag": f'"{request.path_params["id"]}"'}
        return FileResponse(path, headers=SAFETY | plain)

    def _start(self, rater: str | None, error: UsageError | None = None) -> Response:
        status = HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK
        return self._html("start.html", status, rater=rater, error=error, videos=len(self._study.trials))

    def _trial(self, request: Request) -> Trial:
        trial = self._study.trials.get(request.path_params["trial"])
        if trial is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return trial

    def _given(self, rater: str) -> dict[str, Rating]:
        """This rater's ratings by trial id; ratings of removed videos are ignored."""
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
    """The fields of a form of this page.

    Raises:
        HTTPException: the form was sent from another site, is too long, or isn't text.
    """
    body = await body_of(request, MAX_FORM_BYTES)
    try:
        return {name: values[-1] for name, values in parse_qs(body.decode("utf-8")).items()}
    except UnicodeDecodeError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "not a form") from None
