"""The page in a real browser: drag, keys, render, cancel, download; wrong files; two people; a phone's width."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lcvd.app.relight.examples import packaged
from lcvd.app.relight.uploads import LIMITS

pytestmark = pytest.mark.slow
WIDTHS = {"phone": 390, "desk": 1280}
PATIENCE = 1800
"""Times a tenth of a second that anything may take."""


@pytest.fixture
def opened(browser, page, on_loopback):
    """Opens the page at a width, each time as somebody else; complaints and requests to other hosts fail the test."""
    complaints, asked, contexts = [], [], []
    with on_loopback(page(limits={**LIMITS, "driving": 1_000_000})) as address:

        def open_page(width=1280):
            context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
            contexts.append(context)
            tab = context.new_page()
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(address)
            settled(tab, 0)
            return tab

        yield open_page
        for context in contexts:
            context.close()
    assert complaints == []
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def until(tab, condition):
    """Playwright's own waiting is code from a string, which the page's policy forbids."""
    for _ in range(PATIENCE):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(100)
    pytest.fail(f"never true: {condition}; the page says: {tab.locator('#status').inner_text()}")


def says(tab, words):
    until(tab, f"document.getElementById('status').textContent.includes({json.dumps(words)})")


def settled(tab, before):
    """Until the newest light is shown: no request under way or waiting."""
    until(
        tab, f"(({{ shaded, shading }}) => shaded > {before} && shading === 'idle')(document.documentElement.dataset)"
    )


def shaded(tab):
    return int(tab.evaluate("document.documentElement.dataset.shaded"))


def balance(tab, of="hint"):
    """How much brighter the hint's, or the ball's, right half is than its left, and its upper than its lower, in shares of both."""
    return tab.evaluate(
        """(of) => { const { data } = document.getElementById(of).getContext("2d").getImageData(0, 0, 256, 256);
        const seen = []; let mx = 0, my = 0;
        for (let i = 0; i < 65536; i++) { const v = data[4 * i + 1]; if (v) { seen.push([i % 256, i >> 8, v]); mx += i % 256; my += i >> 8; } }
        mx /= seen.length; my /= seen.length;
        const mean = (keep) => { const of = seen.filter(keep); return of.reduce((sum, p) => sum + p[2], 0) / of.length; };
        const [l, r, t, b] = [mean((p) => p[0] < mx), mean((p) => p[0] > mx), mean((p) => p[1] < my), mean((p) => p[1] > my)];
        return [(r - l) / (r + l), (t - b) / (t + b)]; }""",
        of,
    )


def drag(tab, x, y):
    """From where lamp 1 is to (x, y) of the ball, in shares of its radius, in steps as a hand makes them."""
    box = tab.locator("#ball").bounding_box()
    middle, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 2
    a, e = (f"document.getElementById('{name}-1').value * Math.PI / 180" for name in ("azimuth", "elevation"))
    at = tab.evaluate(f"[Math.cos({e}) * Math.sin({a}), Math.sin({e})]")
    before = shaded(tab)
    tab.mouse.move(middle[0] + at[0] * radius, middle[1] - at[1] * radius)
    tab.mouse.down()
    tab.mouse.move(middle[0] + x * radius, middle[1] - y * radius, steps=8)
    tab.mouse.up()
    settled(tab, before)


def fits(tab):
    return tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def with_portrait(tab):
    tab.locator("#file-portrait").set_input_files(str(portrait()))
    says(tab, "Ready: 16 frames")


def portrait() -> Path:
    return next(path for path in packaged()["portrait"] if path.name == "astronaut.png")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_from_a_portrait_to_a_download(opened, width, tmp_path):
    tab = opened(width)
    assert fits(tab)
    with_portrait(tab)
    tab.locator("#ball").scroll_into_view_if_needed()
    drag(tab, 0.85, 0.0)
    right = balance(tab)[0]
    drag(tab, -0.85, 0.0)
    left = balance(tab)[0]
    assert left < -0.1 < 0.1 < right
    drag(tab, 0.0, 0.85)
    top = balance(tab)[1]
    drag(tab, 0.0, -0.85)
    assert balance(tab)[1] < top - 0.1
    tab.screenshot(path=str(tmp_path / f"light-{width}.png"), full_page=True)

    tab.locator("#steps").fill("1")
    tab.get_by_role("button", name="Render this frame").click()
    says(tab, "Done: one frame")
    until(tab, "document.getElementById('picture').naturalWidth === 64")
    tab.get_by_role("button", name="Render the clip").click()
    says(tab, "Done: 16 frames")
    until(tab, "['relit', 'source'].every((id) => document.getElementById(id).readyState >= 2)")
    tab.get_by_role("button", name="Play").click()
    until(tab, "document.getElementById('relit').currentTime > 0")
    tab.get_by_role("button", name="Pause").click()
    times = tab.evaluate("['relit', 'source'].map((id) => document.getElementById(id).currentTime)")
    assert abs(times[0] - times[1]) < 0.1
    for name, ending in (("Download the video", ".mp4"), ("Download the side file", ".mp4.json")):
        with tab.expect_download() as found:
            tab.get_by_role("link", name=name).click()
        assert found.value.suggested_filename == f"relit-1{ending}"
        assert Path(found.value.path()).stat().st_size > 500
    assert fits(tab)
    tab.screenshot(path=str(tmp_path / f"done-{width}.png"), full_page=True)


def test_the_light_moves_by_keys_and_every_control_has_a_name(opened):
    tab = opened()
    ball = tab.get_by_role("slider", name="Direction of the lamp")
    ball.focus()
    for key, axis, by in (
        ("ArrowRight", "azimuth", 5),
        ("Shift+ArrowLeft", "azimuth", -1),
        ("ArrowUp", "elevation", 5),
    ):
        before, count = int(tab.locator(f"#{axis}-1").input_value()), shaded(tab)
        tab.keyboard.press(key)
        settled(tab, count)
        assert int(tab.locator(f"#{axis}-1").input_value()) == before + by
    assert "Lamp 1: 56° left, 15° up" in ball.get_attribute("aria-valuetext")
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("input, select, button, canvas, video")]
        .filter((each) => !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim())).map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert tab.locator("#status").get_attribute("aria-live") == "polite"
    tab.get_by_label("Preset").select_option("warm-right")
    assert int(tab.locator("#azimuth-1").input_value()) > 45
    assert tab.locator("#colour-1").input_value() != "#ffffff"


def test_wrong_and_huge_files_are_refused_in_words(opened, tmp_path):
    tab = opened()
    wrong, huge = tmp_path / "notes.txt", tmp_path / "long.mp4"
    wrong.write_text("hello")
    huge.write_bytes(bytes(1_000_001))
    tab.locator("#file-portrait").set_input_files(str(wrong))
    says(tab, "notes.txt can't be a portrait: choose .png")
    tab.locator("#file-driving").set_input_files(str(huge))
    says(tab, "the limit is 1 MB")
    assert tab.locator("#status").get_attribute("class") == "error"


def test_a_map_lights_the_ball_and_turns(opened, tmp_path):
    radiance = np.full((16, 32, 3), 0.1, np.float32)
    radiance[:, 20:28] = 5  # at the picture's right
    cv2.imwrite(str(tmp_path / "sky.hdr"), radiance)
    tab = opened()
    tab.locator("#on-1").uncheck()
    tab.locator("#file-map").set_input_files(str(tmp_path / "sky.hdr"))
    says(tab, "sky.hdr lights the scene")
    assert tab.get_by_label("Base light", exact=True).input_value() == "map"
    settled(tab, 1)
    assert balance(tab, "ball")[0] > 0.1
    count = shaded(tab)
    tab.get_by_label("Rotation of the map").fill("-180")
    settled(tab, count)
    assert balance(tab, "ball")[0] < -0.1
    tab.get_by_role("button", name="Remove").click()
    says(tab, "Removed")
    assert tab.get_by_label("Base light", exact=True).input_value() == "none"


def test_two_people_wait_in_line_and_one_cancels(opened):
    one, two = opened(), opened(390)
    with_portrait(one)
    with_portrait(two)
    one.locator("#steps").fill("500")
    one.get_by_role("button", name="Render the clip").click()
    says(one, "Rendering")
    two.get_by_role("button", name="Render the hints").click()
    says(two, "Waiting: 1 ahead")
    one.get_by_role("button", name="Cancel").click()
    says(one, "Cancelled")
    says(two, "Done: 16 frames")
    assert one.locator("#result").is_hidden()
