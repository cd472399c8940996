import numpy as np
import pytest

from lcvd.metrics.landmarks import pose_error


@pytest.mark.golden
def test_golden_metrics_pose(golden_dir):
    golden = np.load(golden_dir / "metrics.npz")
    found = np.ones(len(golden["pose_gt"]), bool)
    found[golden["pose_missing_pred"]] = False
    result = pose_error(golden["pose_gt"], golden["pose_pred"], found)
    assert result.value == pytest.approx(float(golden["POSE"]), abs=1e-5)
    assert (result.frames, result.missing) == (int(found.sum()), len(golden["pose_missing_pred"]))


def test_a_shift_counts_each_coordinate():
    truth = np.zeros((2, 5, 2))
    assert pose_error(truth, truth + np.array([3, 1])).value == pytest.approx(2)


def test_nothing_found_is_no_number():
    result = pose_error(np.zeros((2, 5, 2)), np.zeros((2, 5, 2)), np.zeros(2, bool))
    assert np.isnan(result.value)
    assert (result.frames, result.missing) == (0, 2)


def test_missing_truth_is_refused():
    with pytest.raises(ValueError, match="leave that frame out"):
        pose_error(np.full((1, 5, 2), np.nan), np.zeros((1, 5, 2)))
