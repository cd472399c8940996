import dataclasses

import pytest

from lcvd.config.settings import FilterThresholds
from lcvd.quality.analyse import Analysis
from lcvd.quality.decide import decide

GOOD = Analysis(
    frames=60, shot=(0, 60), face_share=1.0, many_share=0.0, face_px=200.0, jump=0.05, sharpness=90.0, quality=30.0
)


@pytest.mark.parametrize(
    ("change", "reason", "score"),
    [
        ({"frames": 10, "shot": (0, 10)}, "too_short", 10),
        ({"shot": (50, 60)}, "cut", 10),
        ({"face_px": 0.0, "face_share": 0.0}, "no_face", 0),
        ({"many_share": 0.5, "face_share": 0.5}, "several_faces", 0.5),
        ({"face_share": 0.5}, "face_lost", 0.5),
        ({"jump": 0.9}, "face_jumps", 0.9),
        ({"face_px": 20.0}, "face_small", 20),
        ({"sharpness": 1.0}, "blurred", 1),
        ({"quality": 99.0}, "low_quality", 99),
    ],
)
def test_each_reason_carries_its_score_and_a_sentence(change, reason, score):
    row = decide("a", dataclasses.replace(GOOD, **change), FilterThresholds())
    assert (row.status, row.reason) == ("filtered", reason)
    assert row.score == pytest.approx(score)
    assert row.detail


def test_a_good_clip_is_kept_with_its_measurements():
    row = decide("a", GOOD, FilterThresholds())
    assert row.status == "kept"
    assert row.fields["shot"] == [0, 60]
    assert decide("a", dataclasses.replace(GOOD, quality=None), FilterThresholds()).status == "kept"


def test_a_threshold_alone_changes_the_verdict():
    assert decide("a", GOOD, FilterThresholds(max_piqe=20)).reason == "low_quality"
