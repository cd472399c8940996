"""Who may reach a page."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lcvd.app.web import ASSETS, body_of, guarded


async def echo(request):
    return PlainTextResponse(await body_of(request, 10))


def client(host):
    return TestClient(guarded([Route("/", echo, methods=["POST"])], host, ASSETS), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1:8000", 200), ("localhost:8000", 200), ("evil.example", 400)])
def test_on_loopback_only_its_own_names_are_answered(name, status):
    assert client("127.0.0.1").post("/", headers={"host": name}).status_code == status


def test_on_another_address_any_name_is():
    assert client("0.0.0.0").post("/", headers={"host": "studio.example"}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"), [("http://127.0.0.1:8000", 200), ("http://evil.example", 403), ("null", 403)]
)
def test_only_our_own_page_may_change_things(origin, status):
    assert client("127.0.0.1").post("/", content="x", headers={"origin": origin}).status_code == status


def test_bodies_are_limited():
    assert client("127.0.0.1").post("/", content="x" * 10).text == "x" * 10
    assert client("127.0.0.1").post("/", content="x" * 11).status_code == 413


def test_the_shared_style_is_there():
    assert client("127.0.0.1").get("/assets/common.css").headers["content-type"].startswith("text/css")
