import dataclasses

import pytest

from lcvd.config.filter import FilterThresholds
from lcvd.filter.decide import decide, longest_part
from lcvd.filter.face_signature import FaceSignature
from lcvd.filter.measure import Measurements

GOOD = Measurements(
    frames=60, shot=(0, 60), gaps=(), many_share=0.0, face_px=200.0, jump=0.05, sharpness=90.0, quality=30.0,
    scored={"metric": "piqe", "frames": 8}, signature=FaceSignature(("00",), "", 0.9, 0.0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason", "score"),
    [
        ({"frames": 10, "shot": (0, 10)}, "too_short", 10),
        ({"shot": (50, 60)}, "cut", 10),
        ({"face_px": 0.0, "gaps": ((0, 60),)}, "no_face", 0),
        ({"many_share": 0.5}, "several_faces", 0.5),
        ({"gaps": ((10, 15), (20, 25), (30, 38), (40, 45))}, "face_lost", 1 - 23 / 60),
        ({"gaps": ((12, 30), (40, 55))}, "face_lost", 12),
        ({"jump": 0.9}, "face_jumps", 0.9),
        ({"signature": FaceSignature((), "", 0.2, 0.0)}, "face_changes", 0.2),
        ({"signature": FaceSignature((), "", 0.9, 0.4)}, "face_hidden", 0.4),
        ({"face_px": 20.0}, "face_small", 20),
        ({"sharpness": 1.0}, "blurred", 1),
        ({"quality": 99.0}, "low_quality", 99),
    ],
)
def test_each_reason_has_a_score_and_a_detail(change, reason, score):
    row = decide("a", dataclasses.replace(GOOD, **change), FilterThresholds())
    assert (row.status, row.reason) == ("filtered", reason)
    assert row.score == pytest.approx(score)
    assert row.detail


def test_a_good_clip_is_kept_with_its_measurements():
    row = decide("a", GOOD, FilterThresholds())
    assert row.status == "kept"
    assert row.fields["shot"] == [0, 60]
    assert (row.fields["same_face"], row.fields["hidden"]) == (0.9, 0.0)
    for change in ({"quality": None}, {"signature": FaceSignature((None,), "", None, None)}):
        assert decide("a", dataclasses.replace(GOOD, **change), FilterThresholds()).status == "kept"


def test_faster_vqa_is_better_when_higher_and_has_its_own_threshold():
    how = {"metric": "fastervqa", "sampling": "script", "seed": 3, "draws": 2, "weights": "abc"}
    found = dataclasses.replace(GOOD, quality=0.59, scored=how)
    row = decide("a", found, FilterThresholds(max_piqe=0))
    assert (row.status, row.reason, row.score, row.fields["threshold"]) == ("filtered", "low_quality", 0.59, 0.6)
    assert row.detail == "Faster-VQA 0.590 (script), at least 0.6 required"
    assert row.fields["scored"] == how
    kept = decide("a", dataclasses.replace(found, quality=0.61), FilterThresholds(max_piqe=0))
    assert (kept.status, kept.score) == ("kept", 0.61)


def test_changing_a_threshold_changes_the_decision():
    assert decide("a", GOOD, FilterThresholds(max_piqe=20)).reason == "low_quality"


@pytest.mark.parametrize(
    ("frames", "gaps", "max_gap", "part"),
    [
        (60, [], 8, (0, 60)),
        (60, [(10, 18)], 8, (0, 60)),
        (60, [(10, 19)], 8, (19, 60)),
        (60, [(10, 18)], 7, (18, 60)),
        (60, [(20, 40)], 8, (0, 20)),  # the first of equally long parts
        (60, [(0, 3), (58, 60)], 8, (3, 58)),  # gaps at the ends can't be interpolated
        (60, [(0, 3), (20, 30), (40, 45)], 8, (30, 60)),
        (60, [(5, 6)], 0, (6, 60)),
        (60, [(0, 60)], 8, (0, 0)),
        (0, [], 8, (0, 0)),
    ],
)
def test_longest_part_with_a_face(frames, gaps, max_gap, part):
    assert longest_part(frames, gaps, max_gap) == part


def test_the_row_has_the_kept_part_and_the_interpolated_frames():
    found = dataclasses.replace(GOOD, frames=100, shot=(30, 90), gaps=((0, 2), (12, 30), (50, 53)))
    limits = FilterThresholds(min_face_share=0.5)
    row = decide("a", found, limits)
    assert row.status == "kept"
    assert (row.fields["part"], row.fields["bridged"]) == ([60, 90], 3)
    assert row.fields["face_share"] == pytest.approx(0.9)
    assert row.fields["gaps"] == [[0, 2], [12, 30], [50, 53]]
    longer = decide("a", found, limits.model_copy(update={"max_gap": 20}))
    assert (longer.fields["part"], longer.fields["bridged"]) == ([32, 90], 21)
