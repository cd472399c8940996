"""The open metrics rank known cases correctly, on two computer-generated people; docs/metrics.md has the whole table."""

import numpy as np
import pytest

from benchmarks.stand_ins import summary, table


@pytest.fixture(scope="module")
def rows():
    return {case: summary(pairs, case[2]) for case, pairs in table(0, frames=4, size=128, people=2).items()}


def test_every_metric_ranks_known_cases_correctly(rows):
    clear = {case: row for case, row in rows.items() if case[1] != "right light < any other"}
    assert {case[0] for case in clear} == {
        "LE(open)",
        "Light angle(open)",
        "ID(SFace)",
        "POSE(MediaPipe)",
        "ADJ(EfficientNet-lite0)",
        "FD(EfficientNet-lite0)",
        "PIQE",
    }
    wrong = {case: row for case, row in clear.items() if not row["least"] > 0.1}
    assert not wrong


def test_lights_that_differ_by_a_tint_have_a_small_light_error(rows):
    """The subject's own skin colour is unknown, so only the median must be ranked correctly."""
    assert rows["LE(open)", "right light < any other", False]["median"] > 0


def test_a_margin_is_positive_if_ranked_correctly():
    found = summary([(1.0, 2.0), (2.0, 1.0), (1.0, 4.0)], more_is_better=False)
    assert (found["least"], found["median"], found["clips"]) == (-0.5, 0.5, 3)
    assert found["right"] == pytest.approx(2 / 3)
    assert summary([(0.0, 0.0)], more_is_better=True)["right"] == 0
    assert np.isfinite(found["worse"])
