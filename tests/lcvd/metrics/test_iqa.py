import urllib.request

import cv2
import numpy as np
import pytest
import torch

from lcvd.metrics.iqa import Iqa, iq
from lcvd.weights.registry import MissingWeights
from lcvd.weights.torchvision_guard import allow_torchvision

allow_torchvision()
pytest.importorskip("pyiqa", reason="pyiqa isn't installed: lcvd[metrics]")


def test_any_metric_by_name_frame_by_frame():
    clean = np.stack(
        [cv2.GaussianBlur(np.random.default_rng(i).integers(0, 256, (96, 96, 3), "u1"), (0, 0), 2) for i in range(5)]
    )
    metric = Iqa("piqe")
    found = metric(clean)
    assert found.shape == (5,)
    np.testing.assert_allclose(found[4], metric(clean[4:])[0], rtol=1e-5)
    assert [iq(name).direction for name in ("IQ(piqe)", "IQ(liqe)")] == ["lower", "higher"]


@pytest.mark.parametrize(
    ("metric", "file"), [("liqe", r"clip/ViT-B-32\.pt"), ("niqe", r"pyiqa/niqe_modelparameters\.mat")]
)
def test_nothing_is_downloaded_behind_ones_back(monkeypatch, tmp_path, metric, file):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr("pyiqa.utils.download_util.DEFAULT_CACHE_DIR", str(tmp_path / "pyiqa"))
    with pytest.raises(MissingWeights, match=rf"IQ\({metric}\): .*{file} isn't there; get it from https://"):
        Iqa(metric)
    assert urllib.request._opener is None  # others may go online again


def test_an_unknown_metric_and_one_with_a_reference_are_named():
    with pytest.raises(ValueError, match="no no-reference metric 'nope'; it has .*liqe"):
        Iqa("nope")
    with pytest.raises(ValueError, match="no no-reference metric 'psnr'"):
        Iqa("psnr")
