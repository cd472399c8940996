from pathlib import Path

import numpy as np
import pytest

from lcvd.config.evaluate import PUBLISHED_METRICS, EvaluateSettings
from lcvd.config.profiles import profile
from lcvd.errors import UsageError
from lcvd.evaluate.protocol import load_protocol
from lcvd.evaluate.record import Setup
from lcvd.evaluate.summary import records
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.metrics.base import Reference
from lcvd.metrics.light_error import SCALE
from lcvd.metrics.measure import Meter
from lcvd.metrics.registry import METRICS, open_metrics, ordered, score_video
from lcvd.metrics.session import MetricSession
from lcvd.report.tables import markdown, table_of
from tests.lcvd.metrics.conftest import FRAMES, SIZE
from tests.lcvd.report.conftest import results_of
from tests.packages import install

T = 4
NAME = "Sharpness(toy)"
ENTRIES = (
    f"[lcvd.metrics]\n{NAME} = toy_sharpness:SHARPNESS\nOther = toy_sharpness:SHARPNESS\nNumber = toy_sharpness:STEP\n"
)
SOURCE = f"""
import numpy as np
from lcvd.metrics.accumulators import PerFrame
from lcvd.metrics.base import Metric, Observer, mean_of

STEP = 1

def network(device):
    return lambda frames: np.abs(np.diff(frames.astype(float), axis=2)).mean(axis=(1, 2, 3))

SHARPNESS = Metric(
    name="{NAME}",
    direction="higher",
    meaning="Mean absolute difference between neighbouring pixels of a row.",
    packages=("toy-sharpness",),
    open=True,
    observer=Observer("toy", lambda run, video: PerFrame("toy", lambda window: run(window.frames)), network),
    score=mean_of("toy"),
)
"""


def test_settings_know_every_published_metric():
    measured = [name for name in METRICS if METRICS.get(name).observer]
    assert tuple(PUBLISHED_METRICS) == tuple(name for name in measured if name not in open_metrics())


@pytest.mark.parametrize("name", ["LE(open)", "LPIP", "IQ()", "IQ(a b)", "XQ(liqe)"])
def test_settings_refuse_what_isnt_a_published_metric(name):
    assert PUBLISHED_METRICS.check("IQ(liqe)")
    with pytest.raises(UsageError, match="unknown published metric"):
        PUBLISHED_METRICS.check(name)


def reference(given, **changes):
    present = np.ones(T, bool)
    return Reference(given, preset("left"), **{"present": present, "size": 512} | changes)


def score(name, seen, against):
    return score_video("a", "left", (name,), seen, against).scores[name]


def test_le_is_to_decas_light_of_the_target_picture_where_there_is_one():
    lights = np.tile(preset("top"), (T, 1, 1))
    lights[0] = np.nan  # no face to crop
    found = score("LE", {"deca": lights}, reference({}, target={"deca": preset("top")[None] + np.float32(0.5)}))
    assert found.value == pytest.approx(0.5 * np.linalg.norm(SCALE), rel=1e-5)
    assert (found.frames, found.missing) == (T - 1, 1)
    assert score("LE", {"deca": lights}, reference({})).value == pytest.approx(
        np.linalg.norm(SCALE[:, None] * (preset("top") - preset("left")), axis=0).mean(), rel=1e-5
    )


def test_pose_is_in_pixels_of_256_over_the_frames_where_both_show_a_face():
    given = {"points68": np.zeros((T, 68, 2)), "present68": np.array([True, True, True, False])}
    seen = {"points68": np.full((T, 68, 2), 3.0), "present68": np.array([True, True, False, True])}
    found = score("POSE", seen, reference(given))
    assert (found.value, found.frames, found.missing) == (pytest.approx(1.5), 2, 1)


def test_likeness_is_to_the_portrait_where_one_is_given():
    name = "ID(ArcFace-r100)"
    rows = np.tile([1.0, 0.0], (T, 1))
    assert score(name, {name: rows}, reference({name: rows})).value == pytest.approx(1)
    other = {name: np.array([[1.0, 1.0]])}
    assert score(name, {name: rows}, reference({name: rows}, portrait=other)).value == pytest.approx(np.sqrt(0.5))


def test_scores_are_means_and_frames_without_a_face_count_nothing():
    found = score_video(
        "a", "left", ("IQ(liqe)", "LPIPS"), {"IQ(liqe)": np.arange(T), "LPIPS": np.ones(T - 1)}, reference({})
    )
    assert {name: each.value for name, each in found.scores.items()} == {"IQ(liqe)": 1.5, "LPIPS": 1.0}
    nobody = score("LE", {"deca": np.ones((T, 9, 3))}, reference({}, present=np.zeros(T, bool)))
    assert (np.isnan(nobody.value), nobody.frames, nobody.missing) == (True, 0, T)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, "toy-sharpness", ENTRIES, toy_sharpness=SOURCE)


def test_a_packages_metric_is_measured_recorded_and_listed(installed, codes):
    session = MetricSession(("LE(open)", NAME), profile("demo"))
    meter = Meter("a", load_head(), codes, SIZE, session)
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE, 3), np.uint8)
    observation = meter.observe([frames])
    reference = Reference(observation, preset("front"), meter.present, SIZE)
    found = score_video("a", "front", session.metrics, observation, reference)
    expected = np.abs(np.diff(frames.astype(float), axis=2)).mean()
    assert (found.scores[NAME].value, found.scores[NAME].frames) == (pytest.approx(expected), FRAMES)
    [record] = [each for each in records([found], {}, Setup("x", ("front",), SIZE, (25.0,), 0)) if each.name == NAME]
    assert (record.value, record.direction) == (pytest.approx(expected), "higher")
    assert record.versions == {"toy-sharpness": "1.0"}
    protocol, _ = load_protocol("hdtf-relight")
    text = markdown(table_of(results_of(protocol, {"lcvd": [record.plain()]})))
    assert f"| Method | {NAME} ↑ |" in text
    assert f"{expected:.3g}" in text
    assert session.provenance()[NAME] == ["", "", {"package": "toy-sharpness 1.0"}]


def test_its_name_is_a_setting_and_its_place_in_tables_is_after_this_projects(installed):
    assert EvaluateSettings(published=(NAME,)).published == (NAME,)
    assert ordered(["IQ(liqe)", NAME, "LE"]) == ["LE", NAME, "IQ(liqe)"]


def test_what_is_wrong_with_an_entry_point_is_named(installed):
    with pytest.raises(
        UsageError, match=r"metric 'Other' of package toy-sharpness has another name, 'Sharpness\(toy\)'"
    ):
        METRICS.get("Other")
    with pytest.raises(UsageError, match="metric 'Number' of package toy-sharpness is a int, not a Metric"):
        open_metrics()
