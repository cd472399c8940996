"""The report in a real browser: it loads nothing, fits two screen widths, and plays its videos in sync."""

import itertools

import pytest

from lcvd.report.build import build_report

pytestmark = pytest.mark.slow
WIDTHS = {"phone": 390, "desk": 1280}
MAX_DRIFT = 0.2
"""Maximum time difference in seconds between videos of one clip."""


@pytest.fixture
def opened(browser, data, tmp_path):
    """Opens the report at a given width. Console errors and network requests fail the test."""
    report = build_report(data, tmp_path / "report.html")
    errors, requests, contexts = [], [], []

    def open(width):
        context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_function("[...document.querySelectorAll('video')].every((video) => video.readyState === 4)")
        return page

    yield open
    for context in contexts:
        context.close()
    assert errors == []
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}
    assert {url for url in requests if url.startswith("file:")} == {report.as_uri()}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_fits_the_screen(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = """() => [...document.querySelectorAll("main *, header *")]
        .filter((each) => !each.closest(".scroll, thead") && each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    broken = "[...document.images].filter((each) => !each.complete || !each.naturalWidth).length"
    assert page.evaluate(broken) == 0


def test_videos_play_in_sync(opened):
    page = opened(WIDTHS["desk"])
    state = "[...document.querySelectorAll('video')].map((v) => [v.paused, v.currentTime, v.duration])"
    assert all(paused for paused, *_ in page.evaluate(state))
    page.click("#play")
    times = []
    for _ in range(4):  # longer than the videos, which restart together
        page.wait_for_timeout(500)
        videos = page.evaluate(state)
        assert len(videos) == 2
        assert not any(paused for paused, *_ in videos)
        for (_, first, length), (_, second, _) in itertools.combinations(videos, 2):
            gap = abs(first - second)
            assert min(gap, length - gap) < MAX_DRIFT
        times.append(videos[0][1])
    assert len(set(times)) == len(times)
    page.click("#play")
    assert all(paused for paused, *_ in page.evaluate(state))
    assert page.inner_text("#play") == "Play all"


def test_a_slow_video_is_resynchronised(opened):
    page = opened(WIDTHS["desk"])
    page.click("#play")
    page.evaluate("document.querySelectorAll('video')[1].playbackRate = 0.5")
    page.wait_for_timeout(1200)
    first, second = page.evaluate("[...document.querySelectorAll('video')].map((video) => video.currentTime)")
    assert abs(first - second) < 2 * MAX_DRIFT  # half speed would have lagged by 0.6 s


def test_a_click_plays_one_video_alone(opened):
    page = opened(WIDTHS["phone"])
    page.locator("video").nth(1).click()
    page.wait_for_timeout(300)
    assert page.evaluate("[...document.querySelectorAll('video')].map((video) => video.paused)") == [True, False]


def test_it_prints(opened):
    page = opened(WIDTHS["desk"])
    page.emulate_media(media="print")
    assert not page.is_visible("#play")
    assert page.pdf(format="A4").startswith(b"%PDF")
