import sys

import cv2
import numpy as np
import pytest
import torch

from lcvd.face.embedding import sface_path
from lcvd.metrics.arcface import BLOCKS, WEIGHTS, ArcFace, IResNet, onnx_network, signed, torch_network
from lcvd.weights.registry import MissingWeights, weights_folder
from lcvd.weights.strict import ModelError
from tests.golden_rules import rule_weights

FACES = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    return tmp_path


def stored(variant, path):
    network = IResNet(variant)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(rule_weights(network, 0), path)
    return network


@pytest.mark.parametrize("variant", BLOCKS)
def test_keys_are_those_of_the_published_files(variant):
    """Names as spec G gives them, and 5 tensors of each normalisation."""
    with torch.device("meta"):
        keys = IResNet(variant).state_dict()
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {"conv1.weight", "prelu.weight", "fc.weight", "fc.bias"}
    expected |= {f"{owner}.{each}" for owner in ("bn1", "bn2", "features") for each in norm}
    for stage, count in enumerate(BLOCKS[variant], start=1):
        for block in range(count):
            at = f"layer{stage}.{block}"
            expected |= {f"{at}.{name}.weight" for name in ("conv1", "conv2", "prelu")}
            norms = ["bn1", "bn2", "bn3", *(["downsample.1"] if block == 0 else [])]
            expected |= {f"{at}.{owner}.{each}" for owner in norms for each in norm}
            expected |= {f"{at}.downsample.0.weight"} if block == 0 else set()
    assert set(keys) == expected
    assert keys["fc.weight"].shape == (512, 25088)


def test_a_state_dict_is_loaded_and_run(folder):
    network = stored("r50", folder / "arcface/ms1mv3_arcface_r50_fp16/backbone.pth")
    network.load_state_dict(rule_weights(network, 0))
    found = ArcFace("ID(ArcFace-r50)")(FACES)
    with torch.inference_mode():
        expected = network.eval()((torch.from_numpy(FACES).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5 * float(expected.abs().max()))
    assert found.shape == (3, 512)
    assert found.std(axis=0).min() > 1e-4  # it looks at the face


def test_the_file_tells_the_variant_and_what_does_not_fit_is_listed(tmp_path):
    with torch.device("meta"):
        keys = IResNet("r100").state_dict()
    state = {key: torch.zeros(()).expand(tensor.shape) for key, tensor in keys.items() if key != "layer3.29.bn3.bias"}
    torch.save(state, tmp_path / "backbone.pth")
    with pytest.raises(ModelError, match=r"1 missing \(layer3\.29\.bn3\.bias\)$"):
        torch_network(tmp_path / "backbone.pth")


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_missing_file_is_named_with_its_licence(folder, name):
    with pytest.raises(MissingWeights, match="non-commercial") as caught:
        ArcFace(name)
    assert str(weights_folder()) in str(caught.value)


def test_faces_must_be_aligned_ones(folder):
    stored("r50", folder / "arcface/ms1mv3_arcface_r50_fp16/backbone.pth")
    with pytest.raises(ValueError, match="112"):
        ArcFace("ID(ArcFace-r50)")(FACES[:, :96])


def test_an_onnx_graph_runs_as_opencv_runs_it(tmp_path):
    """SFace's graph replaces that of an insightface pack: it has the same input, with a fixed batch size of one."""
    given = signed(FACES)
    network = cv2.dnn.readNet(str(sface_path()))
    rows = []
    for face in given:
        network.setInput(face[None])
        rows.append(network.forward()[0].copy())
    np.testing.assert_allclose(onnx_network(sface_path())(given), np.stack(rows), atol=1e-4)
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"broken\.onnx: not an ONNX graph"):
        onnx_network(tmp_path / "broken.onnx")


def test_without_onnxruntime_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # makes its import fail
    with pytest.raises(ImportError, match=r"lcvd\[metrics\]"):
        onnx_network(sface_path())
