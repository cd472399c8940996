import cv2
import numpy as np
import pytest
import torch

from lcvd.config.profiles import profile
from lcvd.evaluate.methods.base import Options
from lcvd.evaluate.methods.dpr import BATCH, SCALE, Dpr, dpr_light, load_dpr, relight_frames
from lcvd.evaluate.methods.hourglass import Hourglass
from lcvd.evaluate.methods.registry import METHODS
from lcvd.light.presets import preset
from lcvd.render.sh import LUMA, shading
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from tests.golden_rules import rule_weights

FRAMES = np.random.default_rng(0).integers(0, 256, (BATCH + 1, 6, 4, 3), dtype=np.uint8)


class Nothing(torch.nn.Module):
    """Changes no picture, and remembers what it was asked."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.asked = []

    def forward(self, lightness, light):
        self.asked.append((tuple(lightness.shape), light))
        return lightness, light


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    (tmp_path / "dpr").mkdir()
    return tmp_path


@pytest.fixture
def options(tmp_path):
    return Options(profile("demo"), tmp_path, torch.device("cpu"))


@pytest.mark.golden
def test_golden_dpr_basis(golden_dir):
    """DPR's own basis at its own normals shades as ours does at the same normals in our axes."""
    golden = np.load(golden_dir / "dpr.npz")
    x, y, z = golden["sh_normals"].T
    light = np.random.default_rng(1).standard_normal((9, 3))
    ours = shading(np.stack([x, z, -y], axis=-1), light) @ np.asarray(LUMA)
    np.testing.assert_allclose(golden["sh_basis"] @ dpr_light(light), SCALE * ours, atol=2e-6)


def test_a_missing_file_is_named_with_its_licence(folder, options):
    with pytest.raises(MissingWeights, match=r"research purpose only.*put them there") as caught:
        METHODS.get("dpr")(options)
    assert str(folder / "dpr" / "trained_model_03.t7") in str(caught.value)


def test_another_network_s_file_is_refused(folder):
    state = rule_weights(Hourglass(), 0)
    state["output.weights"] = state.pop("output.weight")
    torch.save(state, folder / "dpr" / "trained_model_03.t7")
    with pytest.raises(ModelError, match=r"1 missing \(output\.weight\); 1 unexpected \(output\.weights\)"):
        load_dpr()
    (folder / "dpr" / "trained_model_03.t7").write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match=r"trained_model_03\.t7: not a checkpoint"):
        load_dpr()


def test_colours_stay_where_lightness_stays():
    """Up to what 8-bit Lab loses, at the network's own size, where nothing is resized."""
    frames = np.stack([cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC) for frame in FRAMES])
    network = Nothing()
    made = relight_frames(network, frames, np.arange(9))
    back = np.stack([cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_RGB2LAB), cv2.COLOR_LAB2RGB) for f in frames])
    np.testing.assert_array_equal(made, back)
    assert [shape for shape, _ in network.asked] == [(BATCH, 1, 512, 512), (1, 1, 512, 512)]
    assert all((light == torch.arange(9.0)).all() for _, light in network.asked)


@pytest.mark.parametrize("size", [(96, 64), (1024, 1024)])
def test_frames_of_other_sizes_keep_them(size):
    smooth = np.broadcast_to(np.linspace(40, 200, size[1]).astype(np.uint8)[None, :, None], (*size, 3))
    made = relight_frames(Nothing(), smooth[None], np.zeros(9))
    assert made.shape == (1, *size, 3)
    assert np.abs(made.astype(int) - smooth).max() <= 3


def test_the_published_network_lights_the_side_that_is_asked_for(published, monkeypatch, options):
    monkeypatch.setenv("LCVD_WEIGHTS", str(published.parent))
    method = Dpr(options)
    picture = cv2.cvtColor(cv2.imread(str(published / "obama.jpg")), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    made = {
        name: relight_frames(load_dpr(), picture[None], dpr_light(preset(name)))[0].mean(axis=-1)
        for name in ("left", "right", "top", "bottom")
    }
    face = {name: image[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] for name, image in made.items()}
    difference = face["left"] - face["right"]
    half = difference.shape[1] // 2
    assert difference[:, :half].mean() > 10
    assert difference[:, half:].mean() < -10
    difference = face["top"] - face["bottom"]
    half = difference.shape[0] // 2
    assert difference[:half].mean() > difference[half:].mean() + 10
    assert method.facts()["weights"]["dpr"]
