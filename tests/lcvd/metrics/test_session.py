import numpy as np
import pytest
import torch

from lcvd.config.evaluate import PUBLISHED_METRICS
from lcvd.config.profiles import profile
from lcvd.errors import UsageError
from lcvd.metrics.base import VideoInfo
from lcvd.metrics.session import MetricSession
from lcvd.weights.registry import MissingWeights
from tests.lcvd.metrics.conftest import windows_of

BROUGHT = ("LE", "ID(ArcFace-r50)", "ID(ArcFace-r100)", "ID(buffalo_l)", "VQ", "FVD", "FVD(all windows)")


@pytest.mark.parametrize("name", BROUGHT)
def test_a_missing_weight_is_named_with_licence_and_place(name, monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="licence") as error:
        MetricSession((name,), profile("demo"))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", [*(name for name in PUBLISHED_METRICS if name not in BROUGHT), "IQ(liqe)"])
def test_what_needs_a_package_too_never_falls_back(name, monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises((MissingWeights, ImportError)):
        MetricSession((name,), profile("demo"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LPIP", "unknown metric 'LPIP'; did you mean 'LPIPS'"),
        ("sharp", r"unknown metric 'sharp'; known: LE\(open\), .*, IQ\(\.\.\.\)"),
        ("PSNR(studio)", "can't be measured on a video alone"),
    ],
)
def test_what_cant_be_measured_is_named(name, said):
    with pytest.raises(UsageError, match=said):
        MetricSession((name,), profile("demo"))


class StandIn(torch.nn.Module):
    """Takes what StyleGAN-V's I3D takes; its 400 numbers are the clip's brightness and noise-free ramps of it."""

    def forward(self, x, rescale: bool = False, resize: bool = False, return_features: bool = False):
        return x.mean(dim=[1, 2, 3, 4])[:, None] * torch.linspace(0.5, 1, 400)[None]


def test_fvd_is_seen_window_by_window_and_real_clips_begin_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "i3d").mkdir()
    torch.jit.script(StandIn()).save(str(tmp_path / "i3d" / "i3d_torchscript.pt"))
    session = MetricSession(("FVD", "FVD(all windows)"), profile("demo"))
    video = np.arange(48, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)

    def seen(real):
        found = {}
        for accumulator in session.accumulators(VideoInfo("a", 48, 4, real, session.settings, lambda: iter(()))):
            for window in windows_of(video, 8):
                accumulator.update(window)
            found |= accumulator.finish()
        return {name: rows[:, -1] for name, rows in found.items()}

    np.testing.assert_allclose(seen(False)["FVD"], [7.5])
    np.testing.assert_allclose(seen(False)["FVD(all windows)"], [7.5, 23.5, 39.5])
    assert seen(True)["FVD"][0] == seen(True)["FVD"][0] != 7.5
