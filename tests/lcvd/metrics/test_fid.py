import pickle

import numpy as np
import pytest
import torch

from lcvd.metrics.fid import DIM, Inception
from lcvd.metrics.frechet import FeatureSet, frechet_distance
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from lcvd.weights.torchvision_guard import allow_torchvision
from tests.golden_rules import rule_weights

allow_torchvision()
from torch_fidelity import metric_fid  # noqa: E402
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # noqa: E402

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 64, 80, 3), dtype=np.uint8)


class Unloaded(FeatureExtractorInceptionV3):
    """The package's network before it has weights: its keys are what the published file holds."""

    def load_state_dict(self, state, *args, **kwargs):
        return None


@pytest.fixture
def path(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "inception").mkdir()
    return tmp_path / "inception" / "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture
def weights(path):
    torch.save({}, path)
    state = rule_weights(Unloaded("bare", [str(DIM)], feature_extractor_weights_path=str(path)), 0)
    # Keep the scale through 48 layers: a normalisation with random shifts would hide the image.
    kept = {
        key: t if "bn" not in key else torch.ones_like(t) * float("weight" in key or "var" in key)
        for key, t in state.items()
    }
    torch.save(kept, path)
    return path


def test_features_and_distance_are_the_packages(weights):
    found = Inception()(FRAMES)
    own = FeatureExtractorInceptionV3("own", [str(DIM)], feature_extractor_weights_path=str(weights))
    [expected] = own(torch.from_numpy(FRAMES).permute(0, 3, 1, 2).contiguous())
    assert found.shape == (5, DIM)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-6)
    assert found.std(axis=0).max() > 0
    few = torch.from_numpy(found[:, :8]).double()
    first, second = few[:3], few[1:] * 1.5
    statistics = [metric_fid.fid_features_to_statistics(each) for each in (first, second)]
    theirs = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    theirs = theirs[metric_fid.KEY_METRIC_FID] if isinstance(theirs, dict) else theirs
    assert frechet_distance(FeatureSet.of(first), FeatureSet.of(second)) == pytest.approx(theirs, rel=1e-4, abs=1e-9)


def test_what_isnt_the_published_file_is_refused(path):
    with pytest.raises(MissingWeights, match="torch-fidelity"):
        Inception()
    torch.save({"fc.weight": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match="not torch-fidelity's Inception-v3"):
        Inception()
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(ModelError, match="not a checkpoint of tensors only"):
        Inception()
