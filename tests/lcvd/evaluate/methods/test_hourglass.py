import cv2
import numpy as np
import pytest
import torch

from lcvd.evaluate.methods.dpr import lightness, load_dpr
from lcvd.evaluate.methods.hourglass import Hourglass
from tests.golden_rules import rule_weights, uniform


@pytest.mark.golden
def test_golden_dpr(golden_dir, published):
    golden = np.load(golden_dir / "dpr.npz")
    picture = cv2.imread(str(published / "obama.jpg"))
    assert picture.shape[:2] == tuple(golden["image_hw"])
    seen = lightness(cv2.cvtColor(cv2.resize(picture, (512, 512)), cv2.COLOR_BGR2LAB))
    np.testing.assert_array_equal(seen[::16, ::16], golden["input_L_sub"])
    given = torch.from_numpy(golden["light_in"]).float()
    files = [np.loadtxt(published / f"rotate_light_{index:02}.txt") * 0.7 for index in golden["lights_index"]]
    np.testing.assert_allclose(given, files, atol=1e-6)
    with torch.inference_mode():
        relit, own = load_dpr(published / "trained_model_03.t7")(
            torch.from_numpy(seen)[None, None].expand(len(given), -1, -1, -1), given
        )
    np.testing.assert_allclose(own, golden["source_light"], atol=1e-5)
    found = relit[:, 0].numpy()
    np.testing.assert_allclose(found[:, ::8, ::8], golden["out_L_sub"], atol=1e-5)  # asked for: 2e-3
    stats = np.stack([f(found, axis=(1, 2)) for f in (np.mean, np.std, np.min, np.max)], axis=1)
    np.testing.assert_allclose(stats, golden["out_L_stats"], atol=1e-5)


def test_a_picture_doesn_t_depend_on_what_is_beside_it():
    network = Hourglass()
    network.load_state_dict(rule_weights(network, 0))
    seen = torch.from_numpy(uniform(0, "dpr", (3, 1, 64, 64))).float()
    lights = torch.from_numpy(uniform(0, "light", (3, 9))).float()
    with torch.inference_mode():
        together, own = network.eval()(seen, lights)
        alone = [network(seen[i : i + 1], lights[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat([each for each, _ in alone]), atol=1e-5, rtol=0)
    torch.testing.assert_close(own, torch.cat([each for _, each in alone]), atol=1e-5, rtol=0)
    assert together.std(dim=(1, 2, 3)).min() > 1e-3  # it looks at the picture
