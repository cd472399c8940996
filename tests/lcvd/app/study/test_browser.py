"""The study in a real browser: by keyboard alone, on a phone's width, with nothing fetched from elsewhere."""

import re

import pytest

from lcvd.app.study.ratings import read

pytestmark = pytest.mark.slow
WIDTHS = {"phone": 390, "desk": 1280}


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS)
def page(request, browser, served, study):
    """The start page; whatever it complains of, or asks another host for, fails the test."""
    complaints, asked = [], []
    with served(study) as address:
        context = browser.new_context(viewport={"width": request.param, "height": 844})
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append((message.text, message.location)) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page
        context.close()
    assert complaints == []
    assert all(url.startswith((address, "data:")) for url in asked)


def focused(page):
    return page.evaluate("(({name, value, id}) => [name || id, value])(document.activeElement)")


def until(page, condition):
    """Playwright's own waiting is code from a string, which the page's policy forbids."""
    for _ in range(300):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {condition}")


def question(page, title):
    return page.get_by_role("group", name=re.compile(f"^{title}"))


def fits(page):
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll("main *")]
        .every((each) => each.getBoundingClientRect().right <= innerWidth + 1)"""
    )


def outlined(page):
    """Whether what has the focus, or the face of a radio button, is drawn with an outline."""
    return page.evaluate(
        """() => { const each = document.activeElement;
        const face = each.type === "radio" ? each.nextElementSibling : each;
        const style = getComputedStyle(face);
        return style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2; }"""
    )


def test_everything_is_judged_by_keyboard_alone(page, study):
    assert fits(page)
    while focused(page)[0] != "rater":
        page.keyboard.press("Tab")
    assert outlined(page)
    page.keyboard.type("ann")
    page.keyboard.press("Enter")
    for number in range(1, len(study.trials) + 1):
        page.wait_for_url("**/rate/*")
        page.get_by_role("heading", name=f"Video {number}").wait_for()
        until(page, "document.querySelector('video').readyState >= 2")
        assert fits(page)
        assert focused(page)[0] == "LA-User"
        page.keyboard.press("4")
        assert focused(page)[0] == "ID-User"
        assert outlined(page)
        # Without the shortcut: arrows choose within a group, Tab leads on.
        page.keyboard.press("ArrowRight")
        assert focused(page) == ["ID-User", "2"]
        page.keyboard.press("Tab")
        assert focused(page)[0] == "VQ-User"
        page.keyboard.press("5")
        assert focused(page)[0] == "next"
        assert outlined(page)
        page.keyboard.press("Enter")
    page.get_by_role("heading", name="Thank you, ann!").wait_for()
    assert fits(page)
    assert [dict(r.scores) for r in read(study.ratings)] == [{"LA-User": 4, "ID-User": 2, "VQ-User": 5}] * 6


def test_groups_and_pictures_say_what_they_are(page):
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Start").click()
    for title in ("Light", "Person", "Quality"):
        group = question(page, title)
        assert group.count() == 1
        assert [group.get_by_role("radio", name=word).count() for word in ("1 bad", "5 excellent")] == [1, 1]
    assert (
        page.get_by_role("img", name="The portrait").evaluate(
            "async (image) => { await image.decode(); return image.naturalWidth; }"
        )
        == 64
    )
    until(page, "!document.querySelector('video').paused && document.querySelector('video').currentTime > 0")
    page.keyboard.press("p")
    assert page.evaluate("document.querySelector('video').paused")


def test_one_can_go_back_and_come_back_later(page, study):
    page.get_by_label("Your name").fill("ann")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rate/*")
    first = page.url
    for key in ("1", "2", "3", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("heading", name="Video 2").wait_for()
    second = page.url
    page.get_by_role("link", name="Back").click()
    page.wait_for_url(first)
    assert question(page, "Person").get_by_role("radio", name="2 poor").is_checked()
    question(page, "Person").get_by_role("radio", name="5 excellent").check(force=True)
    page.get_by_role("button", name="Next video").click()
    page.wait_for_url(second)
    assert [dict(r.scores) for r in read(study.ratings)] == [{"LA-User": 1, "ID-User": 5, "VQ-User": 3}]
    page.context.clear_cookies()
    page.goto(first)
    page.get_by_label("Your name").fill("ann")
    page.keyboard.press("Enter")
    page.wait_for_url(second)


def test_without_scripts_it_works_too(page, browser, study):
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page.url)
    plain.get_by_label("Your name").fill("bo")
    plain.get_by_role("button", name="Start").click()
    for title in ("Light", "Person", "Quality"):
        question(plain, title).get_by_role("radio", name="4 good").check(force=True)
    plain.get_by_role("button", name="Next video").click()
    plain.get_by_role("heading", name="Video 2").wait_for()
    assert len(read(study.ratings)) == 1
    context.close()
