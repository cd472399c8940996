import csv
import json
import shutil
from types import SimpleNamespace

import pytest
from PIL import Image

from lcvd.cache.store import Cache
from lcvd.config.profiles import profile
from lcvd.evaluate.engine import Engine
from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.methods.registry import METHODS
from lcvd.evaluate.protocol import Protocol
from lcvd.evaluate.write import headline, write_numbers
from lcvd.metrics.base import Score, VideoScores
from lcvd.metrics.light_error import LE_OPEN

LIGHTS = ("left", "right")


class Model(Method):
    title, made = "Model", "published, 2 steps"

    def facts(self):
        return {"size": 512, "parameters": 10**9}


@pytest.fixture
def engine(video, real, tmp_path):
    """An engine with made-up scores: in no frame of the model's a face was found."""
    protocol = Protocol(name="p", title="P", task="relight", size=64, frames=6, lights=LIGHTS, metrics=(LE_OPEN.name,))
    methods = {name: METHODS.get(name)(None) for name in ("driving", "copy", "sh-ratio", "truth", "hint")}
    settings = SimpleNamespace(seed=profile("demo").seed)
    found = Engine(protocol, settings, None, {"lcvd": Model(None), **methods}, Cache(tmp_path), tmp_path, "six frames")
    found.scores = {name: [video("a", light, seed=3) for light in LIGHTS] for name in ("copy", "driving", "sh-ratio")}
    found.scores["lcvd"] = [video("a", light, pose=float("nan"), missing=6) for light in LIGHTS]
    found.scores["hint"] = [VideoScores("a", light, {LE_OPEN.name: Score(0.0, 6)}, {}, 6, {}) for light in LIGHTS]
    found.real, found.inputs = real("a"), [{"id": "a", "identity": "someone", "fps": 25.0, "frames": 6}]
    return found


@pytest.fixture
def written(engine, tmp_path):
    """The content of records.json, and what is written from it."""
    full = engine.content({}, [], {"train_steps": 3})
    return full, write_numbers(tmp_path / "out", full, engine.scores["lcvd"]), tmp_path / "out"


def leaves(value):
    return [leaf for each in value.values() for leaf in leaves(each)] if isinstance(value, dict) else [value]


def test_dvc_gets_plain_numbers_and_the_records_have_all(written):
    full, numbers, out = written
    assert json.loads((out / "metrics.json").read_text()) == numbers
    assert all(isinstance(leaf, int | float) for leaf in leaves(numbers))
    assert "POSE(MediaPipe)" not in numbers["metrics"]  # no frame showed a face
    assert numbers["missing"] == {"POSE(MediaPipe)": 12}
    assert (numbers["clips"], numbers["frames"]) == (1, 12)
    values = {record["name"]: record["value"] for record in full["methods"]["lcvd"]["records"]}
    assert values["POSE(MediaPipe)"] is None
    assert values == {**dict.fromkeys(values), **numbers["metrics"]}


def test_only_the_generated_videos_depend_on_how_they_were_generated(written):
    first = {name: method["records"][0] for name, method in written[0]["methods"].items()}
    assert first["lcvd"]["setup"]["made"] == "published, 2 steps"
    assert {first[name]["setup"]["made"] for name in ("copy", "driving", "hint")} == {""}
    assert first["lcvd"]["setup"]["fps"] == [25.0]
    assert set(first["lcvd"]["versions"]) == {"numpy", "lcvd"}


def test_the_frames_of_a_video_that_is_the_same_under_every_light_count_once(written):
    frames = {name: method["records"][0]["frames"] for name, method in written[0]["methods"].items()}
    assert frames == {"copy": 6, "driving": 6, "sh-ratio": 12, "lcvd": 12, "hint": 12}


def test_numbers_have_the_keys_of_earlier_commits(written):
    assert set(written[1]["baselines"]) == {"copy", "driving", "ratio", "hint"}  # no clip has a truth


def test_the_headline_says_how_near_the_light_came():
    numbers = {
        "metrics": {"LE(open)": 0.51234, "PSNR(studio)": 17.0},
        "baselines": {"driving": {"LE(open)": 1.2, "Light angle(open)": 50.0}},
    }
    assert headline(numbers) == "LE(open) 0.512 (unrelit input 1.2)"


def test_plots_hold_a_row_a_light_and_a_frame(written):
    out = written[2]
    with (out / "plots" / "frames.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert (rows[0]["clip"], rows[0]["light"], rows[0]["frame"]) == ("a", "left", "1")
    with (out / "plots" / "lights.csv").open() as stream:
        assert [row["light"] for row in csv.DictReader(stream)] == list(LIGHTS)
    with Image.open(out / "plots" / "metrics.png") as image:
        assert image.width > 800


def test_the_same_results_give_the_same_bytes(written, engine):
    full, _, out = written
    shutil.copytree(out, out.with_name("first"))
    write_numbers(out, full, engine.scores["lcvd"])
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert len(files) == 4
    for name in files:
        assert (out / name).read_bytes() == (out.with_name("first") / name).read_bytes(), name
