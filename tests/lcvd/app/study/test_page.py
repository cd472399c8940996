"""A real server on loopback, spoken to over HTTP."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.testclient import TestClient

from lcvd.app.study.material import open_study
from lcvd.app.study.page import study_app
from lcvd.app.study.ratings import Rating, append, read
from lcvd.metrics.user_study import QUESTIONS
from tests.lcvd.app.study.conftest import METHODS, SHOTS

ANSWERS = dict(zip(QUESTIONS, "543", strict=True))


@pytest.fixture
def address(served, study):
    with served(study) as address:
        yield address


@pytest.fixture
def client(address):
    with httpx.Client(base_url=address, follow_redirects=True) as client:
        yield client


def enter(client, rater="ann"):
    return client.post("/start", data={"rater": rater})


def test_all_videos_are_rated_once_each_and_no_name_is_told(client, study):
    told = [enter(client)]
    for _ in study.trials:
        page = told[-1]
        assert page.url.path.startswith("/rate/")
        for id in re.findall(r"/media/([0-9a-f]+)", page.text):
            told.append(client.get(f"/media/{id}"))
            assert told[-1].status_code == 200
        told.append(client.post(page.url.path, data=ANSWERS))
    assert "Thank you, ann" in told[-1].text
    ratings = read(study.ratings)
    assert {(r.method, r.shot) for r in ratings} == {(m, s) for m in METHODS for s in SHOTS}
    assert all(r.scores == {"LA-User": 5, "ID-User": 4, "VQ-User": 3} for r in ratings)
    shown = b"".join(answer.content + repr((answer.headers, answer.url)).encode() for answer in told)
    for word in (*METHODS, *SHOTS, "sekret"):
        assert word.encode() not in shown


def test_a_rater_goes_on_where_they_stopped_and_others_don_t_matter(client, study, address, served):
    first = enter(client).url.path
    second = client.post(first, data=ANSWERS).url.path
    enter(client, "bo")
    client.post(client.get("/rate").url.path, data=ANSWERS)
    with served(open_study(study.folder)) as again, httpx.Client(base_url=again, follow_redirects=True) as other:
        assert enter(other, " ann ").url.path == second
        assert 'value="5" required checked' in other.get(first).text


def test_open_questions_are_named_and_nothing_is_kept(client, study):
    path = enter(client).url.path
    for answers in ({}, ANSWERS | {"VQ-User": "6"}, ANSWERS | {"VQ-User": "٣"}, {"LA-User": "3"}):
        page = client.post(path, data=answers)
        assert page.status_code == 400
        assert "Please answer every question" in page.text
    assert 'name="LA-User" value="3" required checked' in page.text
    assert read(study.ratings) == []


def test_a_name_is_text_and_no_markup(client):
    page = enter(client, "<script>alert(1)</script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    page = enter(client, '"><img src=x>' + "y" * 40)
    assert page.status_code == 400
    assert "<img" not in page.text
    assert "1 to 40 characters" in page.text


@pytest.mark.parametrize(
    "path",
    ["/media/../.study-key", "/media/..%2f.study-key", "/media/.study-key", "/media/ratings.jsonl", "/rate/0000", "/assets/study.py",
     "/assets/trial.html", "/media/" + "0" * 20, "/.study-key", "/videos/sekret-ours/anna_left.mp4"],
)  # fmt: skip
def test_nothing_else_is_served(client, path):
    enter(client)
    answer = client.send(client.build_request("GET", client.base_url.copy_with(raw_path=path.encode())))
    assert answer.status_code == 404
    assert client.post(path).status_code in (404, 405)


def test_without_a_name_one_is_asked_for(address):
    with httpx.Client(base_url=address) as client:
        for path in ("/rate", "/rate/0000"):
            assert client.get(path).headers["location"] == "/"
        assert client.post("/rate/0000", data=ANSWERS).headers["location"] == "/"
        client.cookies.set("rater", "%00")
        assert client.get("/rate").headers["location"] == "/"


def test_another_site_can_t_rate(client, study):
    path = enter(client).url.path
    assert client.post(path, data=ANSWERS, headers={"origin": "https://elsewhere.test"}).status_code == 403
    assert client.post(path, data=ANSWERS, headers={"origin": "null"}).status_code == 403
    assert client.post(path, data=ANSWERS, headers={"host": "elsewhere.test"}).status_code == 400
    assert read(study.ratings) == []
    assert client.post(path, data=ANSWERS, headers={"origin": str(client.base_url).rstrip("/")}).status_code == 200
    assert len(read(study.ratings)) == 1


def test_asked_to_listen_elsewhere_it_answers_to_any_name(study):
    assert TestClient(study_app(study, "0.0.0.0"), base_url="http://lab.test").get("/").status_code == 200
    assert TestClient(study_app(study), base_url="http://lab.test").get("/").status_code == 400


def test_a_form_that_is_no_form_is_refused(client):
    path = enter(client).url.path
    assert client.post(path, content=b"x" * 5000).status_code == 413
    assert client.post(path, content=b"\xff\xfe").status_code == 400


def test_parts_of_a_video_are_given_and_files_times_aren_t(client, study):
    trial = next(iter(study.trials.values()))
    whole = study.media[trial.video].read_bytes()
    part = client.get(f"/media/{trial.video}", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-type"] == "video/mp4"
    assert part.headers["last-modified"].endswith("1970 00:00:00 GMT")
    assert client.get(f"/media/{trial.reference}").headers["content-type"] == "image/png"


def test_ratings_of_videos_that_are_gone_don_t_get_in_the_way(client, study):
    append(study.ratings, Rating("ann", "gone", "gone", dict.fromkeys(QUESTIONS, 3)))
    assert "0 rated by ann" in enter(client).text


def test_raters_at_once_lose_nothing(address, study):
    def judge(number):
        with httpx.Client(base_url=address, follow_redirects=True) as client:
            page = enter(client, f"rater {number}")
            while page.url.path != "/rate":
                page = client.post(page.url.path, data=ANSWERS)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(judge, range(4)))
    assert len(read(study.ratings)) == 4 * len(study.trials)
