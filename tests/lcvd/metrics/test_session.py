import numpy as np
import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.config.profiles import profile
from lcvd.metrics.base import FrameWindow, VideoQuality
from lcvd.metrics.readings import PUBLISHED
from lcvd.metrics.registry import metric_of
from lcvd.metrics.session import MetricSession
from lcvd.vqa.fastervqa import FasterVqa
from lcvd.vqa.score import Video, scores
from lcvd.weights.registry import MissingWeights

BROUGHT = ("LE", "ID(ArcFace-r50)", "ID(ArcFace-r100)", "ID(buffalo_l)", "VQ", "FVD", "FVD(all windows)")


@pytest.mark.parametrize("name", BROUGHT)
def test_a_missing_weight_is_named_with_licence_and_place(name, monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="licence") as error:
        MetricSession((name,), profile("demo"))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name not in BROUGHT])
def test_what_needs_a_package_too_never_falls_back(name, monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises((MissingWeights, ImportError)):
        MetricSession((name,), profile("demo"))


def test_every_published_metric_is_in_the_catalogue():
    for name in PUBLISHED:
        assert metric_of(name).name == name


def test_an_unknown_metric_names_those_there_are():
    with pytest.raises(ValueError, match=r"'LPIP' doesn't exist; there are LE\(open\).*IQ\(\.\.\.\)"):
        MetricSession(("LPIP",), profile("demo"))


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
        for accumulator in session.accumulators("a", 48, 4, lambda: iter(()), real):
            for start in range(0, 48, 8):
                accumulator.update(FrameWindow(video[start : start + 8], start, np.zeros((8, 5, 2)), None))
            found |= accumulator.finish()
        return {name: rows[:, -1] for name, rows in found.items()}

    np.testing.assert_allclose(seen(False)["FVD"], [7.5])
    np.testing.assert_allclose(seen(False)["FVD(all windows)"], [7.5, 23.5, 39.5])
    assert seen(True)["FVD"][0] == seen(True)["FVD"][0] != 7.5


@pytest.mark.slow  # a network of 28 million numbers, twice
def test_vq_is_the_score_of_the_whole_video_though_32_frames_are_kept():
    torch.manual_seed(0)
    network, settings = FasterVqa().eval(), QualitySettings(metric="fastervqa")
    video = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    accumulator = VideoQuality(network, 40, 64, settings)
    for start in range(0, 40, 8):
        accumulator.update(FrameWindow(video[start : start + 8], start, np.zeros((8, 5, 2)), None))
    assert len(accumulator._kept) == 32
    [whole] = scores([Video(40, 64, 64, lambda at: video[list(at)])], settings, network)
    assert accumulator.finish()["VQ"] == pytest.approx([whole])
