import base64
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from lcvd.metrics.registry import METRICS
from lcvd.report import collect
from lcvd.report.build import build_report

SECTIONS = {
    "how",
    "results",
    "figures",
    "metrics",
    "training",
    "clips",
    "spread",
    "reconstruct",
    "sheets",
    "provenance",
}


class Page(HTMLParser):
    """Tags with attributes, ids, and every attribute that makes a browser fetch something."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.fetched, self.handlers = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            if name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"):
                self.fetched.append(value)
            if name.startswith("on"):
                self.handlers.append(value)


def test_hostile_names_stay_text(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == 1 + 6 + 2 * 6  # a contact sheet, the opening, a figure of two rows
    assert page.handlers == []
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") >= 5  # detail, identity, licence, note: shown, as text


def test_nothing_is_fetched_from_a_network(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.fetched
    assert all(value.startswith(("data:image/", "data:video/mp4;base64,", "#")) for value in page.fetched)
    visible = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "@import" not in visible
    assert "url(" not in visible
    assert set(re.findall(r"https?://[a-z.]+", visible)) == {"http://evil.example"}  # only as escaped text


def test_every_section_is_there(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    assert Page(text).ids >= SECTIONS
    for phrase in ("Training and test share identities", "Even the clip is the same", "soft pictures", "http_404",
                   "small_face", "one clip allows none", "left out above 95", "7 frames without a face found",
                   "No clip of this run has a truth"):  # fmt: skip
        assert phrase in text, phrase
    for name in METRICS:
        assert name in text
    assert text.count("<polyline") == 2  # the loss, as logged and smoothed; the learning rate isn't a loss
    assert "validation v mse" in text


def test_videos_and_pictures_are_inside(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    stored = (data / "evaluate" / "videos" / "a_left_side.mp4").read_bytes()
    assert base64.b64encode(stored).decode() in text
    tag = re.search(r"<video [^>]*?src=", text)[0]
    assert all(word in tag for word in ("muted", "loop", "playsinline", "controls"))
    assert re.search(r'<video [^>]*poster="data:image/jpeg;base64,', text)
    picture = base64.b64decode(re.search(r'src="data:image/jpeg;base64,([^"]+)" alt="contact sheet', text)[1])
    assert len(picture) < (data / "reconstruct" / "preview" / "a.png").stat().st_size / 2


def _changed(data, change):
    path = data / "evaluate" / "records.json"
    records = json.loads(path.read_text())
    change(records)
    path.write_text(json.dumps(records))


def test_the_light_reached_is_a_plain_sentence(data, tmp_path):
    def text():
        return " ".join(build_report(data, tmp_path / "report.html").read_text().split())

    assert "No closer to the light asked for" in text()
    assert "67 % farther" in text()
    _changed(data, lambda records: records["arms"]["model"][0].update(value=0.15))
    assert "<b>Closer to the light asked for.</b> The generated clip's light is <b>0.150</b>" in text()
    _changed(data, lambda records: records["arms"]["model"][0].update(value=None))
    assert "loser to the light" not in text()


def test_a_large_model_isn_t_called_soft(data, tmp_path):
    _changed(data, lambda records: records["protocol"].update(size=512, parameters=1_500_000_000))
    assert "soft" not in build_report(data, tmp_path / "report.html").read_text()


def test_frames_without_a_face_are_told_at_the_top(data, tmp_path):
    def miss(records):
        [pose] = [each for each in records["arms"]["model"] if each["name"] == "POSE(MediaPipe)"]
        pose.update(missing=30, frames=10)

    assert "no face is found" not in build_report(data, tmp_path / "report.html").read_text()
    _changed(data, miss)
    text = build_report(data, tmp_path / "report.html").read_text()
    assert "In 30 of 40 generated frames no face is found" in text
    assert "train longer" in text
    assert "this says little yet" in text


def test_without_figures_or_codes_their_sections_are_left_out(data, tmp_path):
    shutil.rmtree(data / "evaluate" / "figures")
    (data / "filter" / "ledger.parquet").unlink()
    ids = Page(build_report(data, tmp_path / "report.html").read_text()).ids
    assert SECTIONS - ids == {"figures", "spread"}


def test_only_some_clips_are_shown_as_videos(data, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "FILMS", 0)
    assert "1 more test clips lie in" in build_report(data, tmp_path / "report.html").read_text()


def test_a_run_with_people_apart_says_nothing_of_sharing(data, tmp_path):
    _changed(data, lambda records: records["protocol"].update(shared_identities=[], shared_clips=[]))
    assert "share identities" not in build_report(data, tmp_path / "report.html").read_text()


def test_the_same_data_give_the_same_bytes(data, tmp_path):
    first, second = (build_report(data, tmp_path / f"{name}.html").read_bytes() for name in "ab")
    assert first == second


def test_no_evaluation_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro evaluate"):
        build_report(tmp_path, tmp_path / "report.html")
