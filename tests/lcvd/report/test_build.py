import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lcvd.ledger.rows import failed, filtered, kept, write_ledger
from lcvd.metrics.catalogue import METRICS
from lcvd.metrics.record import Record
from lcvd.report.build import build_report
from lcvd.video.encode import write_browser

HOSTILE = '<script>alert("x")</script>&"\'><img src=http://evil.example/x onerror=alert(1)>'
SECTIONS = {"results", "metrics", "training", "clips", "sheets", "provenance"}


def _record(name, value, **more):
    metric = METRICS[name]
    return Record(name, value, 1, 10, 32, metric.direction, metric.weights, metric.sha256, **more).plain()


def _records(lights, identity):
    names = list(METRICS)
    return {
        "arms": {
            "model": [_record(name, 0.5, interval=(0.4, 0.6), notes=(HOSTILE,)) for name in names[:-1]]
            + [_record(names[-1], float("nan"), missing=7)],
            "driving": [_record(name, 0.3) for name in names],
        },
        "lights": {light: dict.fromkeys(names[:3], 0.5) for light in lights},
        "clips": [{"id": "a", "identity": identity, "frames": 4, "fps": 25.0, "licence": HOSTILE}],
        "protocol": {
            "profile": "demo",
            "seed": 0,
            "train_steps": 1500,
            "parameters": 5_000_000,
            "size": 32,
            "window": 8,
            "frames": 4,
            "frames_scored": 8,
            "steps": 25,
            "guidance": 1.5,
            "lights": lights,
            "codec": "block-dct",
            "codec_description": "16 coefficients of an orthonormal 8x8 block transform (no autoencoder)",
            "shared_identities": [identity],
            "shared_clips": ["a"],
        },
    }


@pytest.fixture
def data(tmp_path):
    """What six stages leave, in small, with names chosen by an enemy wherever users can choose them."""
    root = tmp_path / "data"
    write_ledger(root / "download" / "ledger.parquet", [kept("a"), kept("b"), failed("c", "http_404", HOSTILE)])
    write_ledger(root / "filter" / "ledger.parquet", [kept("a"), filtered("b", "small_face", f"60 px {HOSTILE}", 60.0)])
    (root / "reconstruct" / "preview").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (900, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(root / "reconstruct" / "preview" / "a.png")
    curves = root / "train" / "dvclive" / "plots" / "metrics" / "train"
    curves.mkdir(parents=True)
    (curves / "loss.tsv").write_text("step\tloss\n10\t2.5\n20\t1.5\n30\t1.0\n")
    (curves / "lr.tsv").write_text("step\tlr\n10\t0.1\n")
    (root / "train" / "metrics.json").write_text(
        json.dumps({"steps": 1500, "validation": {"v_mse": 0.25, "split": HOSTILE}})
    )
    for light in ("left", "top"):
        frames = np.full((4, 32, 96, 3), 90, np.uint8)
        write_browser(root / "evaluate" / "videos" / f"a_{light}_side.mp4", [frames], 25)
    (root / "evaluate" / "records.json").write_text(json.dumps(_records(["left", "top"], HOSTILE)))
    return root


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
    assert page.tags.count("img") == 1
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
    for phrase in ("Training and test share identities", "Even the clip is the same", "no autoencoder", "http_404",
                   "small_face", "one clip allows none", "7 frames without a face found"):  # fmt: skip
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
    picture = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", text)[1])
    assert len(picture) < (data / "reconstruct" / "preview" / "a.png").stat().st_size / 2


def test_a_run_with_people_apart_says_nothing_of_sharing(data, tmp_path):
    path = data / "evaluate" / "records.json"
    records = json.loads(path.read_text())
    records["protocol"] |= {"shared_identities": [], "shared_clips": []}
    path.write_text(json.dumps(records))
    assert "share identities" not in build_report(data, tmp_path / "report.html").read_text()


def test_the_same_data_give_the_same_bytes(data, tmp_path):
    first, second = (build_report(data, tmp_path / f"{name}.html").read_bytes() for name in "ab")
    assert first == second


def test_no_evaluation_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro evaluate"):
        build_report(tmp_path, tmp_path / "report.html")
