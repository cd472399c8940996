import numpy as np
import pytest

from lcvd.evaluate.record import Setup
from lcvd.evaluate.summary import by_light, per_video, records
from lcvd.metrics.base import Score, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import open_metrics

LE, ANGLE, *_, FD = open_metrics()

T = 6
SETUP = Setup(clip_set="x", lights=("left",), size=128, fps=(25.0,), seed=0)


def _with_truth(video, decibels):
    video.scores[PSNR.name] = Score(decibels, T)
    return video


def test_clips_count_alike_and_missing_frames_are_counted(video, real):
    videos = [video("a", "left", 0.2), video("a", "right", 0.4), video("b", "left", 0.9, pose=float("nan"), missing=T)]
    found = {record.name: record for record in records(videos, real("a", "b"), SETUP)}
    assert found["ID(SFace)"].value == pytest.approx((0.3 + 0.9) / 2)
    assert found["ID(SFace)"].interval == pytest.approx((0.3, 0.9))
    assert found["POSE(MediaPipe)"].value == pytest.approx(2.0)
    assert (found["POSE(MediaPipe)"].frames, found["POSE(MediaPipe)"].missing) == (2 * (T - 1), 2 + T)
    assert (found["LE(open)"].clips, found["LE(open)"].frames, found["LE(open)"].setup.size) == (2, 3 * T, 128)
    assert len(found["FD(EfficientNet-lite0)"].sha256) == 64
    assert found["FD(EfficientNet-lite0)"].frames == 3 * T


def test_a_video_held_against_every_light_counts_its_frames_once(video, real):
    videos = [video("a", light) for light in ("left", "right")]
    found = {record.name: record for record in records(videos, real("a"), SETUP, repeated=True)}
    assert found["LE(open)"].frames == found["FD(EfficientNet-lite0)"].frames == T
    assert found["LE(open)"].interval is None


def test_an_arm_without_pictures_is_judged_by_its_light_alone():
    bare = VideoScores("a", "left", {LE: Score(0.0, T), ANGLE: Score(0.0, T)}, {}, T, {})
    found = {record.name: record.value for record in records([bare], {}, SETUP)}
    assert found == pytest.approx({"LE(open)": 0, "Light angle(open)": 0}, abs=0.05)


def test_a_true_relit_video_counts_where_there_is_one(video, real):
    videos = [video("a", "left"), _with_truth(video("b", "left"), 20.0), _with_truth(video("b", "right"), 22.0)]
    found = {record.name: record.value for record in records(videos, real("a", "b"), SETUP)}
    assert found["PSNR(studio)"] == pytest.approx(21)
    assert by_light(videos)["left"]["PSNR(studio)"] == pytest.approx(20)
    assert "PSNR(studio)" not in by_light(videos[:1])["left"]


def test_lights_are_told_apart(video):
    videos = [video("a", "left", 0.2), video("b", "left", 0.4), video("a", "right", 0.8)]
    found = by_light(videos)
    assert list(found) == ["left", "right"]
    assert found["left"]["ID(SFace)"] == pytest.approx(0.3)
    assert set(found["left"]) == set(per_video(videos[0]))


def test_few_frames_come_with_a_warning(video, real):
    wide = [video("a", "left")]
    note = records(wide, real("a"), SETUP)[-1].notes
    assert note == ()  # 6 frames for 4 features
    assert records(wide, real("a"), SETUP)[-1].samples == (6, 6)
    thin = FeatureSet.of(np.random.default_rng(0).normal(size=(3, 4)))
    assert "3 and 6 frames for 4 features" in records(wide, {"a": {FD: thin}}, SETUP)[-1].notes[0]


def test_sets_too_small_for_a_covariance_are_told_not_computed(video, real):
    lone = FeatureSet.of(np.zeros((1, 4)))
    found = records([video("a", "left")], {"a": {FD: lone}}, SETUP)[-1]
    assert np.isnan(found.value)
    assert found.notes == ("1 real and 6 generated rows: a covariance needs 2 of each",)
