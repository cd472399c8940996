"""A protocol from a folder of clips to records and tables, on studio clips whose true relighting is known."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from lcvd.cache.imports import code_key
from lcvd.cli.main import cli
from lcvd.config.evaluate import EvaluateSettings
from lcvd.config.io import dump_settings
from lcvd.config.profiles import profile
from lcvd.evaluate import engine
from lcvd.evaluate.benchmark import BenchmarkRequest, run_benchmark, settings_of
from lcvd.evaluate.figures.layout import GAP, LINE, TILE
from lcvd.evaluate.protocol import Variant, load_protocol
from lcvd.face.codes import FaceCodes
from lcvd.face.square import square_pictures
from lcvd.ledger.rows import ClipError
from lcvd.metrics.measure import Meter
from lcvd.metrics.registry import open_metrics
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.report.tables import markdown, table_of
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import read_lossless, write_h264, write_lossless
from lcvd.weights.registry import MissingWeights
from tests.lcvd.evaluate.figures.test_layout import tile_of
from tests.packages import install

LE, ANGLE, ID, POSE, ADJ, FD = open_metrics()

FRAMES, SIZE = 6, 128
CLIP = StudioClip("astronaut", 3, "front", FRAMES, 256)


def _frames(light):
    return np.concatenate([frames for frames, _ in replace(CLIP, light=light).render()])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Clips ``a`` and ``b`` (shorter), and a protocol for them."""
    root = tmp_path_factory.mktemp("benchmark")
    front = _frames("front")
    write_h264(root / "clips" / "a.mp4", [front], 25, crf=4)
    write_h264(root / "short" / "b.mp4", [front[:4]], 25)
    plan = {
        "name": "mine",
        "title": "Mine",
        "task": "relight",
        "frames": FRAMES,
        "size": SIZE,
        "lights": ["left", "top"],
    }
    plan |= {
        "metrics": [LE, ANGLE, ID, POSE, ADJ, FD],
        "methods": {"truth": "Truth", "sh-ratio": "Ratio", "nfl": "NFL"},
    }
    (root / "mine.yaml").write_text(yaml.safe_dump(plan))
    return root


@pytest.fixture(scope="module")
def settings():
    return profile("demo")


def request_for(place, out, **changes):
    protocol, _ = load_protocol(str(place / "mine.yaml"))
    fields = {"protocol": protocol, "lights_folder": place, "clips": place / "clips", "methods": {"sh-ratio": None}}
    fields |= {"metrics": protocol.metrics, "model": place / "model", "out": out, "cache": place / "cache"}
    return BenchmarkRequest(**(fields | changes))


@pytest.fixture(scope="module")
def evaluated(place, settings):
    """Records of the rendered truth, as a folder of results, and of the plug-in that needs no weights."""
    # A cache of its own: tests that ran before may have left other faces in the common one.
    first = run_benchmark(
        request_for(place, place / "first", methods={"sh-ratio": None}, cache=place / "alone"), settings
    )
    square = _square(place)
    for light in ("left", "top"):
        write_lossless(place / "truth" / "a" / f"{light}.mkv", [square_pictures(_frames(light), square, SIZE)], 25)
    both = {"truth": place / "truth", "sh-ratio": None}
    return first, run_benchmark(request_for(place, place / "out", methods=both), settings)


def _square(place):
    [path] = (place / "alone" / "cache" / "reconstruct").rglob("codes.safetensors")
    return FaceCodes.load(path).square


def values(full, method):
    return {record["name"]: record["value"] for record in full["methods"][method]["records"]}


def test_the_truth_has_the_right_light_and_the_input_the_right_person(evaluated):
    _, full = evaluated
    truth, ratio, given = (values(full, arm) for arm in ("truth", "sh-ratio", "driving"))
    assert truth[LE] < 0.8 * given[LE]
    assert truth[ANGLE] < 0.5 * given[ANGLE]
    assert ratio[ANGLE] < given[ANGLE]
    assert (given[ID], given[POSE], given[FD]) == (pytest.approx(1), 0, 0)
    assert truth[FD] > 0


def test_a_record_says_all_that_its_number_depends_on(evaluated):
    records = {record["name"]: record for record in evaluated[1]["methods"]["sh-ratio"]["records"]}
    found = records[FD]
    assert (found["clips"], found["frames"], found["samples"]) == (1, 2 * FRAMES, [FRAMES, 2 * FRAMES])
    assert "rank-deficient covariance: 6 and 12 frames for 1280 features" in found["notes"][0]
    assert (found["setup"]["size"], found["setup"]["fps"], found["setup"]["seed"]) == (SIZE, [25.0], 0)
    assert found["setup"]["sampling"] == "mine: the first 6 frames"
    assert found["setup"]["lights"] == ["left", "top"]
    assert len(found["sha256"]) == 64
    assert "torch" in found["versions"]
    assert evaluated[1]["methods"]["truth"]["records"][0]["setup"]["made"] == ""
    assert evaluated[1]["methods"]["truth"]["facts"] == {"folder": True}


def test_the_picture_shows_what_was_given_and_what_each_method_made(place, evaluated):
    sheet = np.asarray(Image.open(place / "out" / "grid.png"))
    assert sheet.shape == (LINE + 2 * (LINE + TILE + GAP), 4 * (TILE + GAP) + GAP, 3)
    for row, light in enumerate(("left", "top")):
        truth = read_lossless(place / "truth" / "a" / f"{light}.mkv", [FRAMES // 2])[0]
        shown = cv2.resize(truth, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_array_equal(tile_of(sheet, row, 2), shown)
        given, relit = (tile_of(sheet, row, column).astype(int) for column in (0, 3))
        assert 1 < np.abs(given - relit).mean() < 60
    np.testing.assert_array_equal(tile_of(sheet, 0, 0), tile_of(sheet, 1, 0))
    ball = tile_of(sheet, 0, 1).mean(-1)
    assert ball[:, : TILE // 2].mean() > 1.5 * ball[:, TILE // 2 :].mean()


def test_what_was_seen_and_made_isnt_seen_and_made_again(place, settings, evaluated, monkeypatch):
    monkeypatch.setattr(Meter, "observe", lambda *_: pytest.fail("seen again"))
    keyed = []
    monkeypatch.setattr(
        engine, "code_key", lambda *modules, **rest: keyed.append(modules) or code_key(*modules, **rest)
    )
    made = place / "out" / "results" / "sh-ratio" / "a" / "left.mkv"
    before = made.stat().st_mtime_ns
    again = run_benchmark(
        request_for(place, place / "out", methods={"truth": place / "truth", "sh-ratio": None}), settings
    )
    assert again == evaluated[1]
    assert made.stat().st_mtime_ns == before
    assert json.loads((place / "out" / "records.json").read_text()) == again
    assert [modules for modules in keyed if "lcvd.evaluate.methods.sh_ratio" in modules], (
        "a method's code is in the key"
    )


def test_an_installed_package_adds_a_method(place, settings, evaluated, tmp_path, monkeypatch):
    source = """
from lcvd.evaluate.methods.base import Method

class Dim(Method):
    title = "Half as bright"
    meaning = "every frame, half as bright"

    def __init__(self, options):
        self.factor = 0.5

    def relight(self, request):
        for frames in request.input.frames():
            yield (frames * self.factor).astype("uint8")

    def facts(self):
        return {"factor": self.factor}
"""
    install(monkeypatch, tmp_path, "toy-dim", "[lcvd.methods]\ndim = toy_dim:Dim\n", toy_dim=source)
    full = run_benchmark(request_for(place, tmp_path / "out", methods={"dim": None, "sh-ratio": None}), settings)
    found = full["methods"]["dim"]
    assert (found["title"], found["facts"]) == ("Half as bright", {"factor": 0.5, "package": "toy-dim 1.0"})
    assert values(full, "dim")[POSE] < 2
    made, given = (
        read_lossless(path, [3])[0] for path in (tmp_path / "out/results/dim/a/left.mkv", place / "truth/a/left.mkv")
    )
    assert made.max() <= 127 < given.max()
    assert "| Half as bright | " in markdown(table_of(full))
    assert EvaluateSettings.model_validate({"methods": ["dim", "copy"]}).methods == ("dim", "copy")
    with pytest.raises(ValueError, match="unknown method 'dimm'; did you mean 'dim'"):
        EvaluateSettings.model_validate({"methods": ["dimm"]})


def test_baselines_can_be_evaluated_and_the_truth_is_refused(place, settings, evaluated, tmp_path, tiny_model):
    model = LCVD.fresh(type(settings.train.model).model_validate(tiny_model), seed=0)
    LCVDPipeline.of(model).save_pretrained(tmp_path / "model")
    methods = dict.fromkeys(("copy", "codec", "hint", "truth"))
    full = run_benchmark(request_for(place, tmp_path / "out", methods=methods, model=tmp_path / "model"), settings)
    assert full["methods"]["truth"]["refused"] == "only studio clips have one"
    assert values(full, "copy")[ADJ] == 0
    assert set(values(full, "hint")) == {LE, ANGLE}
    assert values(full, "hint")[LE] < values(full, "driving")[LE]
    assert values(full, "codec")[POSE] > 0
    assert not any(full["methods"][name]["ranked"] for name in ("driving", "copy", "codec", "hint"))


def test_results_that_dont_fit_are_all_named_before_anything_is_computed(place, settings, tmp_path):
    write_lossless(tmp_path / "bad" / "a" / "left.mkv", [np.zeros((3, 64, 64, 3), np.uint8)], 25)
    with pytest.raises(ValueError, match="3 results don't fit") as error:
        run_benchmark(
            request_for(place, tmp_path, methods={"bad": tmp_path / "bad"}, cache=tmp_path / "cache"), settings
        )
    for said in ("too short: 3 frames, expected 6", "64x64 px, expected 128x128 px", "a/top: missing"):
        assert said in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_a_clip_shorter_than_the_protocol_is_refused(place, settings, tmp_path):
    with pytest.raises(ValueError, match=r"b\.mp4: 4 frames, the protocol needs 6; remove the clip"):
        run_benchmark(request_for(place, tmp_path, clips=place / "short"), settings)


def test_a_clip_without_a_face_is_named(place, settings, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (FRAMES, 96, 96, 3), np.uint8)
    write_h264(tmp_path / "clips" / "noise.mp4", [noise], 25)
    with pytest.raises(ClipError, match=r"noise\.mp4: no frame"):
        run_benchmark(request_for(place, tmp_path, clips=tmp_path / "clips", cache=tmp_path / "cache"), settings)


def test_missing_weights_and_methods_are_told_first(place, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    for changes in ({"metrics": ("VQ",)}, {"methods": {"dpr": None}}):
        with pytest.raises(MissingWeights, match="licence"):
            run_benchmark(request_for(place, tmp_path, cache=tmp_path / "cache", **changes), settings)
    with pytest.raises(
        ValueError, match=r"'nfl' isn't one of lcvd, driving, .*; for results made elsewhere, give a folder: nfl="
    ):
        run_benchmark(request_for(place, tmp_path, methods={"nfl": None}), settings)
    assert not (tmp_path / "cache").exists()


def test_pictures_are_relit_and_pairs_animated(place, settings, tmp_path, tiny_model):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(_frames("front")[0]).save(folder / "p.png")
    base = request_for(place, tmp_path / "still", clips=folder)
    still = run_benchmark(replace(base, protocol=base.protocol.model_copy(update={"task": "still"})), settings)
    assert values(still, "driving")[ADJ] == 0
    assert "one image, 6 times" in still["methods"]["driving"]["records"][0]["setup"]["sampling"]

    write_h264(folder / "d.mp4", [_frames("front")], 25, crf=4)
    pair = base.protocol.model_copy(update={"task": "animate", "lights": (), "pairs": (("p", "d"),), "size": 64})
    model = LCVD.fresh(type(settings.train.model).model_validate(tiny_model), seed=0)
    LCVDPipeline.of(model).save_pretrained(tmp_path / "model")
    methods = {"lcvd": None, "sh-ratio": None}
    animate = replace(base, protocol=pair, out=tmp_path / "moved", model=tmp_path / "model", methods=methods)
    moved = run_benchmark(animate, settings)
    assert ([each["id"] for each in moved["inputs"]], values(moved, "driving")[POSE]) == (["p__d"], 0)
    made = tmp_path / "moved" / "results" / "lcvd" / "p__d" / "own.mkv"
    sheet = np.asarray(Image.open(tmp_path / "moved" / "grid.png"))
    assert sheet.shape[1] == 3 * (TILE + GAP) + GAP
    shown = cv2.resize(read_lossless(made, [FRAMES // 2])[0], (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(tile_of(sheet, 0, 2), shown)
    assert moved["methods"].pop("sh-ratio") == {"title": "Ratio", "refused": "can't animate"}
    assert set(moved["methods"]) == {"driving", "lcvd"}
    assert "no sharp face" in moved["caveats"][0]
    with pytest.raises(ValueError, match="sh-ratio: can't animate; name a method that can"):
        run_benchmark(replace(animate, methods={"sh-ratio": None}), settings)


def test_an_ablation_runs_its_own_variants(place, settings, tmp_path, tiny_model):
    """No method is named, and the table has all its rows."""
    evaluate = settings.evaluate.model_copy(update={"steps": 1})
    (tmp_path / "params.yaml").write_text(dump_settings(settings.model_copy(update={"evaluate": evaluate})))
    LCVDPipeline.of(LCVD.fresh(type(settings.train.model).model_validate(tiny_model), seed=0)).save_pretrained(
        tmp_path / "model"
    )
    words = ["benchmark", "run", "--clips", str(place / "clips"), "--model", str(tmp_path / "model"), "--size", "64"]
    words += [
        "--cache",
        str(place / "cache"),
        "--params",
        str(tmp_path / "params.yaml"),
        "--out",
        str(tmp_path / "out"),
    ]
    words += ["--frames", str(FRAMES)]
    done = CliRunner().invoke(cli, [*words, "--protocol", "ablation-adapters"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    full = json.loads((tmp_path / "out" / "records.json").read_text())
    made = {name: method["facts"]["adapters"] for name, method in full["methods"].items() if name != "driving"}
    assert made == {"reference": "reference", "shading": "shading", "both": "shading+reference"}
    assert "not computed" not in (tmp_path / "out" / "table.md").read_text()
    assert (tmp_path / "out" / "ablation.svg").is_file()

    done = CliRunner().invoke(cli, [*words, "--protocol", str(place / "mine.yaml")])
    assert (done.exit_code, "has no default methods" in done.output) == (1, True), (done.output, done.exception)


def test_variants_differ_from_the_settings_in_what_they_name_alone(settings):
    changed = settings_of(settings, Variant(title="3", likeness=3.0)).evaluate
    assert changed == settings.evaluate.model_copy(update={"likeness": 3.0}) != settings.evaluate
    assert settings_of(settings, Variant(title="0", guidance=0.0)).evaluate.guidance == 0


def test_the_command_writes_tables_and_checks_folders(place, settings, evaluated, tmp_path):
    (tmp_path / "params.yaml").write_text(dump_settings(settings))
    common = ["--protocol", str(place / "mine.yaml"), "--clips", str(place / "clips")]
    words = ["benchmark", *common, "--methods", f"truth={place / 'truth'}", "sh-ratio", "--out", str(tmp_path / "out")]
    words += ["--cache", str(place / "cache"), "--params", str(tmp_path / "params.yaml")]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "table.md").read_text()
    assert ("**" in text, "<u>" in text) == (True, True)
    assert "| NFL (not computed) |" in text
    assert '<img src="data:image/' in (tmp_path / "out" / "table.html").read_text()
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"records.json", "table.tex", "table.html"}

    done = CliRunner().invoke(cli, ["benchmark", "check-method", str(place / "truth"), *common])
    assert "all 2 results found, 6 frames of 128 px each" in done.output
    done = CliRunner().invoke(cli, ["benchmark", "check-method", str(place / "truth"), *common, "--frames", "9"])
    assert (done.exit_code, "too short: 6 frames, expected 9" in done.output) == (1, True)
    shown = CliRunner().invoke(cli, ["benchmark", "show", "hdtf-relight"]).output
    assert yaml.safe_load(shown)["frames"] == 100
