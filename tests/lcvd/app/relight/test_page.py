"""The page over HTTP, from a real server: everything that a browser asks for, and what it must not get."""

import json

import cv2
import numpy as np
import pytest

from lcvd.app.relight.uploads import LIMITS


@pytest.fixture
def address(page, on_loopback):
    with on_loopback(page()) as found:
        yield found


def brighter_side(picture):
    """Where a hint is brighter, from -1 (left) to 1, and whether there is a face."""
    hint = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)[:, 256:].astype(float)
    rows, columns = np.nonzero(hint)
    middle = columns.mean()
    left, right = (hint[rows[side], columns[side]].mean() for side in (columns < middle, columns > middle))
    return (right - left) / (right + left)


def lit(x):
    lamp = {"direction": [x, 0, 0.3], "colour": "#ffffff", "strength": 1.0, "softness": 0.0}
    return {"lamps": [lamp], "fill": 0.25}


@pytest.mark.slow
def test_from_a_portrait_to_a_video(address, tmp_path, light, user):
    me = user(address)
    assert me.do("/render", light=light, whole=True).status_code == 422
    assert me.ready() == {"frames": 16, "fps": 25.0, "bridged": 0}
    shaded = [me.do("/shade", light=lit(x)) for x in (-1, 1)]
    assert [answer.headers["content-type"] for answer in shaded] == ["image/png"] * 2
    left, right = (brighter_side(answer.content) for answer in shaded)
    assert left < -0.1 < 0.1 < right
    assert me.do("/shade", light=light, frame=16).status_code == 422
    assert me.http.get("/portrait").headers["content-type"] == "image/png"

    frame = me.ended(me.do("/render", light=light, whole=False, steps=1))
    assert frame["state"] == "done", frame
    picture = me.http.get(f"/files/{frame['result']['picture']}").content
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), 1).shape == (64, 64, 3)

    clip = me.ended(me.do("/render", light=light, whole=True, steps=1, guidance=1.5, likeness=2.5, seed=3))["result"]
    video = me.http.get(f"/files/{clip['video']}?save")
    assert video.headers["content-disposition"] == 'attachment; filename="relit-1.mp4"'
    side = json.loads(me.http.get(f"/files/{clip['side_file']}").content)
    assert (side["ai_generated"], side["seed"], side["settings"]["guidance"]) == (True, 3, 1.5)
    assert side["settings"]["likeness"] == 2.5
    assert side["settings"]["controls"]["lamps"][0]["strength"] == 1
    assert str(tmp_path) not in json.dumps(side)
    (tmp_path / "video.mp4").write_bytes(video.content)
    (tmp_path / "source.mp4").write_bytes(me.http.get(f"/files/{clip['source']}").content)
    counts = [
        cv2.VideoCapture(str(tmp_path / name)).get(cv2.CAP_PROP_FRAME_COUNT) for name in ("video.mp4", "source.mp4")
    ]
    assert counts == [16, 16]

    other = user(address)  # knows the ids, but hasn't made the files
    assert other.http.get(f"/files/{clip['video']}").status_code == 404
    assert other.http.get(f"/jobs/{frame['id']}").status_code == 404
    assert other.http.get("/state").json()["files"] == {}


@pytest.mark.slow
def test_a_driving_clip_moves_the_portrait(address, light, user, tmp_path):
    me = user(address)
    assert me.do("/pick/driving", name="carphone_pristine.mp4").status_code == 200
    result = me.ready(start=1, seconds=0.4)
    assert result["frames"] == round(0.4 * result["fps"])
    hints = [me.do("/shade", light=light, frame=frame).content for frame in (0, result["frames"] - 1)]
    assert hints[0] != hints[1]
    done = me.ended(me.do("/render", light=light, whole=True, hints=True))["result"]
    for name in ("video", "source"):
        (tmp_path / name).write_bytes(me.http.get(f"/files/{done[name]}").content)
        assert cv2.VideoCapture(str(tmp_path / name)).get(cv2.CAP_PROP_FRAME_COUNT) == result["frames"]
    sources = json.loads(me.http.get(f"/files/{done['side_file']}").content)["sources"]
    assert {"portrait": "astronaut.png", "driving": "carphone_pristine.mp4"}.items() <= {
        source["role"]: source["file"] for source in sources
    }.items()
    assert me.do("/forget/driving").status_code == 200
    assert me.do("/render", light=light, whole=True).status_code == 422


def test_without_a_portrait_there_is_a_ball_and_no_hint(address, light, user):
    picture = user(address).do("/shade", light=light)
    whole = cv2.imdecode(np.frombuffer(picture.content, np.uint8), 1)
    assert whole[:, :256].any()
    assert not whole[:, 256:].any()


@pytest.mark.parametrize(
    ("role", "name", "content", "said"),
    [
        ("portrait", "notes.txt", b"hello", "choose .png"),
        ("portrait", "me.png", b"hello", "can't be a portrait"),
        ("driving", "me.png", b"hello", "can't be a driving clip"),
        ("map", "sky.hdr", b"hello", "can't be an environment map"),
        ("map", "sky.exr", b"hello", "can't be an environment map"),
        ("portrait", "me.png", b"", "empty"),
    ],
)
def test_wrong_files_are_refused_in_words(address, tmp_path, role, name, content, said, user):
    answer = user(address).upload(role, name, content)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert str(tmp_path) not in answer.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_clip_that_is_none_is_refused_when_it_is_read(address, tmp_path, user):
    me = user(address)
    assert me.upload("portrait", "me.mp4", b"no video" * 100).status_code == 200
    state = me.ended(me.do("/read"))
    assert state["state"] == "failed"
    assert "me.mp4" in state["error"]
    assert str(tmp_path) not in state["error"]


def test_huge_files_are_refused_before_and_while_they_arrive(page, on_loopback, tmp_path, user):
    with on_loopback(page(limits={**LIMITS, "portrait": 100_000})) as address:
        me = user(address)

        def unannounced():
            for _ in range(50):
                yield b"x" * 10_000

        for content in (b"x" * 100_001, unannounced()):
            answer = me.upload("portrait", "me.png", content)
            assert answer.status_code == 422
            assert "larger than 0.1 MB" in answer.json()["error"]
    assert not list(tmp_path.iterdir())


def test_ends_with_nothing_left(page, on_loopback, tmp_path, user):
    with on_loopback(page()) as address:
        user(address).do("/pick/portrait", name="astronaut.png")
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["astronaut.png"]
    assert not list(tmp_path.iterdir())


def test_strangers_and_other_sites_are_turned_away(address, light, user):
    me = user(address)
    assert me.http.get("/", headers={"host": "evil.example"}).status_code == 400
    evil = {"origin": "http://evil.example"}
    for path in ("/shade", "/read", "/render", "/upload/portrait?name=a.png", "/pick/portrait", "/forget/map"):
        assert me.http.post(path, headers=evil, json={}).status_code == 403
    me.http.cookies.clear()
    assert me.do("/shade", light=light).status_code == 403
    assert me.http.get("/state").status_code == 403


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "missing.png"])
def test_only_examples_can_be_picked(address, name, user):
    assert user(address).do("/pick/portrait", name=name).status_code == 404


def test_what_the_page_sends_is_checked_in_words(address, light, user):
    me = user(address)
    answer = me.do("/shade", light={**light, "fill": 99})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("light.fill: ")
    assert me.do("/shade", light={**light, "base": "map"}).json()["error"].startswith("no environment map")
    assert me.http.post("/shade", content="{" * 20_000).status_code == 413


@pytest.mark.slow
def test_two_at_once_wait_in_line_and_do_not_mix(address, user):
    one, two = user(address), user(address)
    for each, name in ((one, "astronaut.png"), (two, "grace_hopper.jpg")):
        assert each.do("/pick/portrait", name=name).status_code == 200
    first, second = one.do("/read"), two.do("/read")
    assert second.json()["ahead"] == 1
    assert one.do("/read").status_code == 409
    assert one.ended(first)["state"] == two.ended(second)["state"] == "done"
    pictures = [each.http.get("/portrait").content for each in (one, two)]
    assert pictures[0] != pictures[1]
    slow = one.do("/render", light=lit(-1), whole=True, steps=400)
    waiting = two.do("/render", light=lit(1), whole=True, hints=True)
    assert waiting.json()["state"] == "waiting"
    assert waiting.json()["ahead"] == 1
    # Lights follow while somebody renders.
    assert brighter_side(two.do("/shade", light=lit(1)).content) > 0.1
    assert one.do(f"/jobs/{slow.json()['id']}/cancel").status_code == 200
    assert one.ended(slow)["state"] == "cancelled"
    done = two.ended(waiting)
    assert done["state"] == "done"
    assert done["result"]["hints"] is True
    assert one.http.get(f"/files/{done['result']['video']}").status_code == 404
