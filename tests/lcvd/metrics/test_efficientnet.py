import numpy as np
import pytest

from lcvd.cache.store import file_hash
from lcvd.metrics.efficientnet import DIM, SHA256, FeatureExtractor, adjacent_distance, weights_file


def test_features_see_a_difference_and_dont_depend_on_the_batch():
    frames = np.random.default_rng(0).integers(0, 256, (5, 64, 48, 3), dtype=np.uint8)
    frames[1] = frames[0]
    features = FeatureExtractor(batch=2)(frames)
    assert features.shape == (5, DIM)
    np.testing.assert_allclose(features, FeatureExtractor(batch=5)(frames), atol=1e-4)
    steps = adjacent_distance(features)
    assert steps[0] == pytest.approx(0, abs=1e-5)
    assert steps[1] > 0.05


def test_the_weights_are_those_the_records_name():
    assert file_hash(weights_file()) == SHA256


def test_frames_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="float32"):
        FeatureExtractor()(np.zeros((1, 8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="at least 2"):
        adjacent_distance(np.zeros((1, 4)))


def test_a_still_video_scores_nothing_and_flicker_more_than_drift():
    drift = np.stack([np.cos(np.linspace(0, 0.2, 9)), np.sin(np.linspace(0, 0.2, 9))], axis=1)
    flicker = drift.copy()
    flicker[::2] = drift[0]
    assert adjacent_distance(np.ones((4, 3))).max() == 0
    assert adjacent_distance(flicker).mean() > adjacent_distance(drift).mean()
