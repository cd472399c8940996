import zlib

import numpy as np
import pytest
from scipy.linalg import sqrtm

from lcvd.metrics.frechet import FeatureSet, deficiency, frechet_distance
from lcvd.weights.torchvision_guard import allow_torchvision

allow_torchvision()
import torch  # noqa: E402
from torch_fidelity import metric_fid  # noqa: E402


def _draw(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState(zlib.crc32(f"{seed}:input:{name}".encode())).standard_normal(shape)


@pytest.mark.golden
def test_golden_metrics_frechet(golden_dir):
    golden = np.load(golden_dir / "metrics.npz")
    seed = int(golden["seed"])
    for i, (n_real, n_generated, d) in enumerate(golden["frechet_cases"].tolist()):
        mix = _draw(seed, f"metrics.fmix.{d}", (d, d)) / np.sqrt(d)
        real = (_draw(seed, f"metrics.real.{n_real}.{d}", (n_real, d)) @ mix).astype(np.float32)
        generated = 1.2 * _draw(seed, f"metrics.gen.{n_generated}.{d}", (n_generated, d)) @ mix + 0.3
        sets = FeatureSet.of(real), FeatureSet.of(generated.astype(np.float32))
        assert frechet_distance(*sets) == pytest.approx(golden["frechet_pytorch_fid"][i], rel=1e-5)
        assert frechet_distance(*sets) == pytest.approx(golden["frechet_torch_fidelity"][i], rel=1e-5)
        assert frechet_distance(*sets, biased=True) == pytest.approx(golden["frechet_stylegan_v"][i], rel=1e-5)


def test_two_gaussians_in_closed_form():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 3))
    rows = (rows - rows.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T)).T)  # mean 0, covariance exactly 1
    scale, shift = np.array([1.0, 2.0, 0.5]), np.array([0.3, 0.0, -1.0])
    expected = (shift**2).sum() + ((scale - 1) ** 2).sum()
    moved = FeatureSet.of(rows * scale + shift)
    assert frechet_distance(FeatureSet.of(rows), moved) == pytest.approx(expected, rel=1e-9)


def test_parts_and_weights_give_the_same_as_all_rows_at_once():
    rng = np.random.default_rng(1)
    real, parts = rng.normal(size=(40, 6)), [rng.normal(size=(n, 6)) + 5 for n in (3, 9, 20)]
    whole = FeatureSet.of(np.vstack([parts[0], *[parts[1]] * 2]))
    streamed = FeatureSet.union([FeatureSet.of(part) for part in parts], weights=[1, 2, 0])
    assert streamed.count == whole.count == 21
    assert len(streamed.rows) <= 7
    first = FeatureSet.of(real)
    assert frechet_distance(first, streamed) == pytest.approx(frechet_distance(first, whole))


def test_it_agrees_with_the_matrix_square_root():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(50, 5)), rng.normal(size=(60, 5)) * 2 + 1
    ca, cb = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * np.real(sqrtm(ca @ cb)))
    assert frechet_distance(FeatureSet.of(a), FeatureSet.of(b)) == pytest.approx(expected)


@pytest.mark.parametrize(("real", "made", "width"), [(200, 300, 16), (64, 200, 48)])
def test_it_agrees_with_torch_fidelity_on_random_features(real, made, width):
    rng = np.random.default_rng(width)
    rows = [
        rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width) for n in (real, made)
    ]
    statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(each)) for each in rows]
    theirs = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    theirs = theirs[metric_fid.KEY_METRIC_FID] if isinstance(theirs, dict) else theirs
    assert frechet_distance(*(FeatureSet.of(each) for each in rows)) == pytest.approx(theirs, rel=1e-6)


def test_a_set_is_at_no_distance_from_itself_though_deficient():
    rows = FeatureSet.of(np.random.default_rng(3).normal(size=(8, 40)))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-9)
    assert "8 and 8 frames for 40 features" in deficiency(rows, rows)
    full = FeatureSet.of(np.random.default_rng(3).normal(size=(41, 40)))
    assert deficiency(full, full) == ""


def test_bad_features_are_refused():
    rows = np.zeros((4, 2))
    rows[2, 1] = np.nan
    with pytest.raises(ValueError, match="row 2"):
        FeatureSet.of(rows)
    with pytest.raises(ValueError, match="2 rows"):
        frechet_distance(FeatureSet.of(np.zeros((1, 2))), FeatureSet.of(np.zeros((4, 2))))
