import csv
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from lcvd.evaluate.write import headline, sample_sheet, write_results
from lcvd.metrics.base import Score, VideoScores
from lcvd.metrics.light_error import LE_OPEN

LIGHTS = ("left", "right")
PROTOCOL = {
    "size": 64,
    "frames_scored": 12,
    "lights": list(LIGHTS),
    "guidance": 1.5,
    "likeness": 2.0,
    "steps": 2,
    "seed": 0,
    "frames": 6,
    "recipe": "published",
    "adapters": "shading",
    "train_steps": 3,
    "shared_identities": ["someone"],
}


@dataclass
class Results:
    arms: dict = field(default_factory=dict)
    real: dict = field(default_factory=dict)
    clips: list = field(default_factory=list)


@pytest.fixture
def results(video, real):
    arms = {arm: [video("a", light, seed=3) for light in LIGHTS] for arm in ("model", "copy", "driving", "codec")}
    arms["model"][0] = video("a", "left", pose=float("nan"), missing=6)
    arms["model"][1] = video("a", "right", pose=float("nan"), missing=6)
    arms["hint"] = [VideoScores("a", light, {LE_OPEN.name: Score(0.0, 6)}, {}, 6, {}) for light in LIGHTS]
    return Results(arms, real("a"), [{"id": "a", "identity": "someone", "fps": 25.0}])


def leaves(value):
    return [leaf for each in value.values() for leaf in leaves(each)] if isinstance(value, dict) else [value]


def test_dvc_gets_plain_numbers_and_the_report_all_of_it(tmp_path, results):
    numbers = write_results(tmp_path, results, PROTOCOL)
    assert json.loads((tmp_path / "metrics.json").read_text()) == numbers
    assert all(isinstance(leaf, int | float) for leaf in leaves(numbers))
    assert "POSE(MediaPipe)" not in numbers["metrics"]  # no frame showed a face
    assert numbers["missing"] == {"POSE(MediaPipe)": 12}
    full = json.loads((tmp_path / "records.json").read_text())
    assert {record["name"]: record["value"] for record in full["arms"]["model"]}["POSE(MediaPipe)"] is None
    assert full["protocol"] == PROTOCOL
    text = (tmp_path / "table.md").read_text()
    assert "| LE(open) | ↓ |" in text
    assert "share identities" in text


def test_only_the_generated_arm_depends_on_how_it_was_generated(tmp_path, results):
    write_results(tmp_path, results, PROTOCOL)
    arms = json.loads((tmp_path / "records.json").read_text())["arms"]
    first = {arm: found[0] for arm, found in arms.items()}
    assert first["model"]["protocol"]["made"] == "published, 2 steps, guidance 1.5, likeness 2.0, shading"
    assert {first[arm]["protocol"]["made"] for arm in ("copy", "driving", "hint")} == {""}
    assert first["model"]["protocol"]["fps"] == [25.0]
    assert set(first["model"]["versions"]) == {"numpy", "lcvd"}


def test_an_arm_without_clips_isn_t_there(tmp_path, results):
    results.arms["truth"] = []
    assert "truth" not in write_results(tmp_path, results, PROTOCOL)["baselines"]


def test_the_headline_says_how_near_the_light_came():
    numbers = {
        "metrics": {"LE(open)": 0.51234, "PSNR(studio)": 17.0},
        "baselines": {"driving": {"LE(open)": 1.2, "Light angle(open)": 50.0}},
    }
    assert headline(numbers) == "LE(open) 0.512 (unrelit input 1.2)"


def test_plots_hold_a_row_a_light_and_a_frame(tmp_path, results):
    write_results(tmp_path, results, PROTOCOL)
    with (tmp_path / "plots" / "frames.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert (rows[0]["clip"], rows[0]["light"], rows[0]["frame"]) == ("a", "left", "1")
    with (tmp_path / "plots" / "lights.csv").open() as stream:
        assert [row["light"] for row in csv.DictReader(stream)] == list(LIGHTS)
    with Image.open(tmp_path / "plots" / "metrics.png") as image:
        assert image.width > 800


def test_the_same_results_give_the_same_bytes(tmp_path, results):
    for name in "ab":
        write_results(tmp_path / name, results, PROTOCOL)
        dark, light = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
        sample_sheet(tmp_path / name / "s.png", dark, dark, {"left": (light, light)})
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 7
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
