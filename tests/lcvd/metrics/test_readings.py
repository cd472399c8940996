import numpy as np
import pytest

from lcvd.light.presets import preset
from lcvd.metrics.light_error import SCALE
from lcvd.metrics.readings import POSE68, Reference, score_video

T = 4


def reference(given, **changes):
    present = np.ones(T, bool)
    return Reference(given, preset("left"), **{"present": present, "size": 512} | changes)


def score(name, seen, against):
    return score_video("a", "left", (name,), seen, against).scores[name]


def test_le_is_to_decas_light_of_the_target_picture_where_there_is_one():
    lights = np.tile(preset("top"), (T, 1, 1))
    lights[0] = np.nan  # no face to crop
    found = score("LE", {"deca": lights}, reference({}, deca=preset("top") + np.float32(0.5)))
    assert found.value == pytest.approx(0.5 * np.linalg.norm(SCALE), rel=1e-5)
    assert (found.frames, found.missing) == (T - 1, 1)
    assert score("LE", {"deca": lights}, reference({})).value == pytest.approx(
        np.linalg.norm(SCALE[:, None] * (preset("top") - preset("left")), axis=0).mean(), rel=1e-5
    )


def test_pose_is_in_pixels_of_256_over_the_frames_where_both_show_a_face():
    given = {"points68": np.zeros((T, 68, 2)), "present68": np.array([True, True, True, False])}
    seen = {"points68": np.full((T, 68, 2), 3.0), "present68": np.array([True, True, False, True])}
    found = score(POSE68, seen, reference(given))
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
