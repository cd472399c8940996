import numpy as np
import pytest
import torch

from lcvd.metrics.lpips import AdjacentLpips, Lpips
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from lcvd.weights.torchvision_guard import allow_torchvision
from tests.lcvd.metrics.conftest import windows_of

allow_torchvision()
import lpips  # noqa: E402
from torchvision.models import alexnet  # noqa: E402

FRAMES = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)


@pytest.fixture
def path(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "lpips").mkdir()
    return tmp_path / "lpips" / "alexnet-owt-7be5be79.pth"


@pytest.fixture
def trunk(path):
    torch.manual_seed(0)
    network = alexnet(weights=None)
    torch.save(network.state_dict(), path)
    return network


def test_distances_are_the_packages_on_the_same_weights(trunk):
    own = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    for piece in (own.net.slice1, own.net.slice2, own.net.slice3, own.net.slice4, own.net.slice5):
        for number, layer in piece.named_children():
            layer.load_state_dict(trunk.features[int(number)].state_dict())
    x = torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        expected = own(x[:-1], x[1:]).flatten().numpy()
    found = Lpips()(FRAMES[:-1], FRAMES[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert found.min() > 0


@pytest.mark.parametrize("window", [1, 4, 6])
def test_windows_dont_show(trunk, window):
    network = Lpips()
    whole = network(FRAMES[:-1], FRAMES[1:])
    video = AdjacentLpips(network)
    for part in windows_of(FRAMES, window):
        video.update(part)
    np.testing.assert_allclose(video.finish()["LPIPS"], whole, rtol=1e-5)
    np.testing.assert_allclose(network(FRAMES, FRAMES), 0, atol=1e-7)


def test_what_isnt_alexnet_is_refused(trunk, path):
    state = trunk.state_dict()
    state["features.12.weight"] = state.pop("features.10.weight")
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"1 missing \(slice5\.10\.weight\); 1 unexpected \(12\.weight\)"):
        Lpips()
    path.unlink()
    with pytest.raises(MissingWeights, match="BSD"):
        Lpips()
