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
    "dataset",
    "reconstruct",
    "sheets",
    "provenance",
}


class Page(HTMLParser):
    """Tags with attributes, ids, and every attribute that makes a browser load something."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.loaded, self.handlers = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            if name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"):
                self.loaded.append(value)
            if name.startswith("on"):
                self.handlers.append(value)


def test_hostile_names_are_escaped(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == 1 + 6 + 2 * 6  # a contact sheet, the overview strip, a figure of two rows
    assert page.handlers == []
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") >= 5  # detail, identity, licence, note: shown as text


def test_the_page_loads_nothing_from_a_network(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.loaded
    assert all(value.startswith(("data:image/", "data:video/mp4;base64,", "#")) for value in page.loaded)
    visible = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "@import" not in visible
    assert "url(" not in visible
    assert set(re.findall(r"https?://[a-z.]+", visible)) == {"http://evil.example"}  # only as escaped text


def test_the_report_has_every_section(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    assert Page(text).ids >= SECTIONS
    for phrase in ("Training and test share identities", "They even share a clip", "blurry frames", "http_404",
                   "small_face", "one clip has none", "filtered above 95", "7 frames without a detected face",
                   "No clip of this run has ground truth"):  # fmt: skip
        assert phrase in text, phrase
    for name in METRICS:
        assert name in text
    assert text.count("<polyline") == 2  # the loss, as logged and smoothed; the learning rate is not a loss
    assert "validation v mse" in text


def test_videos_and_images_are_embedded(data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    stored = (data / "evaluate" / "videos" / "a_left_side.mp4").read_bytes()
    assert base64.b64encode(stored).decode() in text
    tag = re.search(r"<video [^>]*?src=", text)[0]
    assert all(word in tag for word in ("muted", "loop", "playsinline", "controls"))
    assert re.search(r'<video [^>]*poster="data:image/jpeg;base64,', text)
    image = base64.b64decode(re.search(r'src="data:image/jpeg;base64,([^"]+)" alt="contact sheet', text)[1])
    assert len(image) < (data / "reconstruct" / "preview" / "a.png").stat().st_size / 2


def _changed(data, change):
    path = data / "evaluate" / "records.json"
    records = json.loads(path.read_text())
    change(records)
    path.write_text(json.dumps(records))


def test_the_light_accuracy_is_summarised(data, tmp_path):
    def text():
        return " ".join(build_report(data, tmp_path / "report.html").read_text().split())

    assert "No closer to the target light than the unmodified input" in text()
    assert "67 % higher" in text()
    _changed(data, lambda records: records["methods"]["lcvd"]["records"][0].update(value=0.15))
    assert (
        "<b>Closer to the target light than the unmodified input.</b> The light error (LE; 0 is best) is <b>0.150</b>"
        in text()
    )
    _changed(data, lambda records: records["methods"]["lcvd"]["records"][0].update(value=None))
    assert "loser to the target light" not in text()


def test_a_large_model_is_not_called_blurry(data, tmp_path):
    _changed(data, lambda records: records["methods"]["lcvd"]["facts"].update(size=512, parameters=1_500_000_000))
    assert "blurry" not in build_report(data, tmp_path / "report.html").read_text()


def test_frames_without_a_face_are_reported_at_the_top(data, tmp_path):
    def miss(records):
        [pose] = [each for each in records["methods"]["lcvd"]["records"] if each["name"] == "POSE(MediaPipe)"]
        pose.update(missing=30, frames=10)

    assert "No face is detected" not in build_report(data, tmp_path / "report.html").read_text()
    _changed(data, miss)
    text = build_report(data, tmp_path / "report.html").read_text()
    assert "No face is detected in 30 of 40 generated frames" in text
    assert "train longer" in text
    assert "these numbers mean little" in text


def test_sections_without_data_are_omitted(data, tmp_path):
    shutil.rmtree(data / "evaluate" / "figures")
    (data / "filter" / "ledger.parquet").unlink()
    ids = Page(build_report(data, tmp_path / "report.html").read_text()).ids
    assert SECTIONS - ids == {"figures", "dataset"}


def test_the_number_of_embedded_videos_is_limited(data, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "MAX_VIDEOS", 0)
    assert "Videos of 1 more test clips" in build_report(data, tmp_path / "report.html").read_text()


def test_a_run_with_disjoint_identities_has_no_warning(data, tmp_path):
    _changed(data, lambda records: records["run"].update(shared_identities=[], shared_clips=[]))
    assert "share identities" not in build_report(data, tmp_path / "report.html").read_text()


def test_equal_data_give_equal_bytes(data, tmp_path):
    first, second = (build_report(data, tmp_path / f"{name}.html").read_bytes() for name in "ab")
    assert first == second


def test_a_missing_evaluation_is_named_in_the_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro evaluate"):
        build_report(tmp_path, tmp_path / "report.html")
