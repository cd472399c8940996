"""What is taken, under which name, and what stays of what isn't."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from lcvd.app.relight.sessions import Session
from lcvd.app.relight.uploads import LIMITS, Refused, accept, check_kind, check_size, receive
from lcvd.light.environment import environment_light


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path)


def arrive(session, role, name, content, limits=LIMITS):
    async def parts():
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    # In a thread of its own: where a browser was started, this one has a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, receive(session, role, name, parts(), limits)).result()


def png():
    packed = io.BytesIO()
    Image.new("RGB", (8, 8)).save(packed, "PNG")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("me.PNG", "me.png"),
        ("../../etc/me.jpg", "me.jpg"),
        ("C:\\users\\me.jpg", "me.jpg"),
        ("a b\x00\n<script>.webp", "a_b_script_.webp"),
        (".hidden.png", "hidden.png"),
        ("ü" * 200 + ".png", "ü" * 60 + ".png"),
    ],
)
def test_names_are_made_safe(name, kept):
    assert check_kind("portrait", name) == kept


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("portrait", "me.txt"),
        ("portrait", "me"),
        ("portrait", ""),
        ("driving", "me.png"),
        ("map", "sky.png"),
        ("portrait", "x.svg"),
    ],
)
def test_other_kinds_are_refused_with_those_that_are_taken(role, name):
    with pytest.raises(Refused, match=r"choose \.\w+"):
        check_kind(role, name)


def test_size_is_limited_while_it_arrives(session, tmp_path):
    limits = {"portrait": 5000}
    assert arrive(session, "portrait", "me.png", b"x" * 5000, limits).stat().st_size == 5000
    with pytest.raises(Refused, match=r"larger than 0\.005 MB"):
        arrive(session, "portrait", "me.png", b"x" * 5001, limits)
    with pytest.raises(Refused, match="empty"):
        arrive(session, "portrait", "me.png", b"")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    with pytest.raises(Refused, match="larger than 300 MB"):
        check_size("driving", 300_000_001, LIMITS)


def test_a_picture_that_is_none_is_refused_and_deleted(session, tmp_path):
    path = arrive(session, "portrait", "me.png", b"hello" * 100)
    with pytest.raises(Refused, match=r"me\.png can't be a portrait") as caught:
        accept(session, "portrait", path)
    assert str(tmp_path) not in str(caught.value)
    assert session.files == {}
    assert not path.exists()


def test_a_new_file_takes_the_old_ones_place(session):
    first, second = (arrive(session, "portrait", "me.png", png()) for _ in range(2))
    accept(session, "portrait", first)
    accept(session, "portrait", second)
    assert session.files == {"portrait": second}
    assert not first.exists()
    assert second.exists()


def test_a_map_becomes_light(session, tmp_path):
    radiance = np.random.default_rng(0).gamma(0.5, size=(16, 32, 3)).astype(np.float32)
    cv2.imwrite(str(tmp_path / "sky.hdr"), radiance[..., ::-1])
    accept(session, "map", arrive(session, "map", "sky.hdr", (tmp_path / "sky.hdr").read_bytes()))
    np.testing.assert_allclose(session.environment, environment_light(radiance), rtol=0.03, atol=0.02)  # RGBE rounds
    square = np.ones((16, 16, 3), np.float32)
    cv2.imwrite(str(tmp_path / "square.hdr"), square)
    with pytest.raises(Refused, match="twice as wide"):
        accept(session, "map", arrive(session, "map", "square.hdr", (tmp_path / "square.hdr").read_bytes()))
    assert session.files["map"].name == "sky.hdr"
