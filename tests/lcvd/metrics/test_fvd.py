import numpy as np
import pytest
import torch

from lcvd.metrics.frechet import FeatureSet, frechet_distance
from lcvd.metrics.fvd import ALL, DIM, FRAMES, NAME, ClipFeatures, I3d, clip_starts
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from tests.lcvd.metrics.conftest import windows_of


class StandIn(torch.nn.Module):
    """Takes what StyleGAN-V's I3D takes; sees how bright each frame and how large each channel is."""

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("mix", torch.randn(FRAMES + 3, width, generator=torch.Generator().manual_seed(0)))

    def forward(self, x, rescale: bool = False, resize: bool = False, return_features: bool = False):
        assert rescale
        assert resize
        assert return_features
        x = x / 127.5 - 1
        return torch.cat([x.mean(dim=[1, 3, 4]), x.mean(dim=[2, 3, 4])], dim=1) @ self.mix


@pytest.fixture
def path(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "i3d").mkdir()
    return tmp_path / "i3d" / "i3d_torchscript.pt"


@pytest.fixture
def network(path):
    torch.jit.script(StandIn(DIM)).save(str(path))
    return I3d()


def video(seed, frames=40, bias=0):
    return (np.random.default_rng(seed).integers(0, 200, (frames, 1, 1, 3)) + bias + np.zeros((1, 8, 8, 1))).astype(
        "u1"
    )


def features(network, frames, starts, window):
    found = ClipFeatures(ALL, network, starts)
    for part in windows_of(frames, window):
        found.update(part)
    return found.finish()[ALL]


@pytest.mark.parametrize("window", [1, 7, 40])
def test_windows_dont_show_in_the_features(network, window):
    frames = video(0)
    starts = clip_starts(ALL, len(frames), real=False, seed=0)
    assert starts == [0, 16]
    found = features(network, frames, starts, window)
    np.testing.assert_array_equal(found, np.stack([network(frames[s : s + FRAMES]) for s in starts]))


def test_which_clip_of_a_video_is_taken():
    assert clip_starts(NAME, 40, real=False, seed=3) == [0]
    places = [clip_starts(NAME, 40, real=True, seed=seed) for seed in range(200)]
    assert {start for [start] in places} == set(range(25))
    assert places[3] == clip_starts(NAME, 40, real=True, seed=3)
    assert clip_starts(NAME, 16, real=True, seed=1) == [0]
    with pytest.raises(ValueError, match="16 frames per video, this one has 15"):
        clip_starts(ALL, 15, real=True, seed=0)


def test_other_videos_are_further_away_than_the_same_kind(network):
    def clips(seeds, bias=0):
        parts = [features(network, video(s, bias=bias), clip_starts(ALL, 40, real=False, seed=s), 16) for s in seeds]
        return FeatureSet.union([FeatureSet.of(part) for part in parts])

    real = clips(range(30))
    assert real.count == 60
    near = frechet_distance(real, clips(range(100, 130)), biased=True)
    far = frechet_distance(real, clips(range(100, 130), bias=50), biased=True)
    assert far > 3 * near > 0


def test_a_video_that_ends_within_a_clip_is_named(network):
    found = ClipFeatures(ALL, network, [0, 16])
    [whole] = windows_of(video(0, 20), 20)
    found.update(whole)
    with pytest.raises(ValueError, match="ended at frame 20, within the clip from frame 16"):
        found.finish()


def test_what_isnt_the_published_module_is_refused(path):
    with pytest.raises(MissingWeights, match=r"i3d_torchscript\.pt"):
        I3d()
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a TorchScript module"):
        I3d()
    torch.jit.script(StandIn(7)).save(str(path))
    with pytest.raises(ModelError, match=r"returned \(1, 7\) instead of 400"):
        I3d()(video(0, FRAMES))
    torch.jit.script(torch.nn.Identity()).save(str(path))
    with pytest.raises(ModelError, match="doesn't run like StyleGAN-V's"):
        I3d()(video(0, FRAMES))
