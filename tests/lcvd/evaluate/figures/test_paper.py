import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lcvd.config.profiles import profile
from lcvd.evaluate.figures.layout import INDEX, write_tiles
from lcvd.evaluate.figures.paper import Moment, paper_figures, window_around
from lcvd.evaluate.inputs.base import Input, TargetLight
from lcvd.evaluate.methods.registry import METHODS
from lcvd.light.presets import preset
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDOutput, LCVDPipeline
from lcvd.model.sampling import Sampling
from lcvd.video.encode import write_lossless
from tests.lcvd.evaluate.conftest import turning_head

SIZE, FRAMES, AT, START = 64, 9, 4, 3  # a window of three frames of the nine
LIGHTS = tuple(TargetLight(name, preset(name)) for name in ("left", "right", "top"))


@pytest.fixture(scope="module")
def model(tiny_model):
    settings = profile("demo").train.model
    return LCVD.fresh(type(settings).model_validate(tiny_model), 0)


@pytest.fixture
def moment(tmp_path):
    """An input with a truth, and videos of noise: the model's are the truth."""
    codes = turning_head(FRAMES, SIZE)
    driving, made, relit = np.random.default_rng(0).integers(0, 256, (3, FRAMES, SIZE, SIZE, 3), np.uint8)
    whole = np.full((SIZE, SIZE), 255, np.uint8)
    for name, video in (("made", made), ("relit", relit)):
        write_lossless(tmp_path / f"{name}.mkv", [video], 25)
    truth = SimpleNamespace(at=lambda frame: (made[frame], whole > 0))
    source = Input(
        "clip", "clip", 25.0, codes, driving[0], whole, codes.window([0]), lambda: iter([driving]),
        lambda: iter([(driving, np.stack([whole] * FRAMES))]), {}, {}, lambda light: truth,
    )  # fmt: skip
    files = {"lcvd": "made", "sh-ratio": "relit", "hint": "relit"}
    videos = {(name, light.name): tmp_path / f"{file}.mkv" for name, file in files.items() for light in LIGHTS}
    return Moment(source, LIGHTS, videos, {name: METHODS.get(name) for name in ("driving", *files)})


@pytest.fixture
def runs(monkeypatch):
    """Instead of a model's frames: pictures of one grey each, and what they were asked for."""
    asked = []

    def relight(self, conditioning, **given):
        hints = conditioning.hints
        asked.append((hints, given["guidance"]))
        steps = np.arange(len(hints), dtype=np.uint8)[:, None, None, None]
        return LCVDOutput(frames=np.full(hints.shape, 10 * len(asked), np.uint8) + steps)

    monkeypatch.setattr(LCVDPipeline, "__call__", relight)
    return asked


def _draw(moment, model, out, guidance=2.0):
    pipe = LCVDPipeline.of(model)
    pipe.set_progress_bar_config(disable=True)
    figures = paper_figures(moment, pipe, Sampling(guidance=guidance, likeness=1.5, steps=1), 0)
    write_tiles(out, moment.source.id, moment.at + 1, figures)
    return {each["name"]: each for each in json.loads((out / INDEX).read_text())["figures"]}


def test_layouts_are_the_papers(moment, model, runs, tmp_path):
    found = _draw(moment, model, tmp_path)
    assert list(found) == ["lights", "methods", "adapters", "guidance"]
    assert [row["label"] for row in found["lights"]["rows"]] == [light.name for light in LIGHTS]
    assert found["lights"]["columns"] == ["Reference", "Driving", "Target light", "Hint", "Result", "Truth"]
    assert found["methods"]["columns"] == ["Input (unmodified)", "Model", "Shading ratio"]
    assert found["adapters"]["columns"] == ["No adapter", "Reference only", "Shading only", "Both", "Truth"]
    assert found["guidance"]["columns"] == [f"ω = {w:g}" for w in (0, 1, 1.5, 2, 3, 4.5)] + ["Truth"]
    for figure in found.values():
        for row in figure["rows"]:
            assert len(row["cells"]) == len(figure["columns"])
            for cell in row["cells"]:
                with Image.open(tmp_path / cell["file"]) as tile:
                    assert tile.size == (SIZE, SIZE)
    assert float(found["lights"]["rows"][0]["cells"][4]["note"].split()[0]) > 80  # this result is the truth
    assert found["lights"]["rows"][0]["cells"][0]["note"] == ""


def test_each_question_is_asked_once_about_one_window(moment, model, runs, tmp_path):
    _draw(moment, model, tmp_path)
    questions = [(tuple(how.positive), tuple(how.negative), how.scale) for _, how in runs]
    # Adapters: two that don't see the light, and two for each of two lights; ω = 2 of the first light is known by then.
    assert len(questions) == 2 + 2 * 2 + 5
    assert {positive for positive, *_ in questions} == {(), ("reference",), ("shading",), ("shading", "reference")}
    assert {negative for positive, negative, _ in questions if "reference" in positive} == {("reference",)}
    assert all(len(hints) == model.frames - 1 and how.likeness == 1.5 for hints, how in runs)
    np.testing.assert_array_equal(runs[0][0], moment.conditioning(LIGHTS[0]).hints[START : START + 3])
    tile = np.asarray(Image.open(tmp_path / "adapters_left_none.png"))
    assert (tile == 10 + AT - START).all()  # the frame of the moment


def test_the_window_lies_around_the_moment_and_within_the_clip():
    assert window_around(4, 4, 9) == range(3, 6)
    assert window_around(0, 4, 9) == range(0, 3)
    assert window_around(8, 4, 9) == window_around(7, 4, 9) == range(6, 9)
    assert window_around(1, 8, 3) == range(0, 3)  # a clip shorter than the model's window


def test_without_a_truth_there_is_no_column_for_it(moment, model, runs, tmp_path):
    bare = replace(moment.source, truth=lambda light: None)
    found = _draw(replace(moment, source=bare), model, tmp_path)
    assert not [figure["name"] for figure in found.values() if "Truth" in figure["columns"]]
    assert not [cell for cell in found["lights"]["rows"][0]["cells"] if cell["note"]]


def test_the_same_moment_gives_the_same_bytes(moment, model, tmp_path):
    for name in "ab":
        _draw(moment, model, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
