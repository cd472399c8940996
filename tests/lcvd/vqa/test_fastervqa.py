"""Faster-VQA's network against golden values; its checkpoint is loaded strictly, and errors name it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.vqa.fastervqa import FasterVqa, load_fastervqa, rescaled
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from tests.lcvd.vqa.vqa_files import golden_network, golden_video, write_checkpoint


@pytest.fixture(scope="module")
def golden(golden_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / "fastervqa.npz"))


@pytest.mark.golden
def test_golden_fastervqa_network(golden: dict[str, np.ndarray]) -> None:
    seed = int(golden["seed"])
    network = golden_network(seed)
    state = network.state_dict()
    assert set(state) == {str(key) for key in golden["keys"]}
    sums = [float(state[str(key)].double().sum()) for key in golden["keys"]]
    np.testing.assert_allclose(sums, golden["key_sums"], rtol=1e-6, atol=1e-3)
    backbone = network.fragments_backbone
    found = {}
    for name, part in {"patch_embed": backbone.patch_embed, "stage0": backbone.layers[0]}.items():
        part.register_forward_hook(
            lambda _part, _inputs, output, name=name: found.update({name: output[0].permute(3, 0, 1, 2).numpy()})
        )
    backbone.register_forward_hook(lambda _part, _inputs, output: found.update(features=output[0].numpy()))
    video = torch.from_numpy(golden_video(seed, 224, 224)).permute(3, 0, 1, 2)[None]
    with torch.inference_mode():
        quality = network(video)
    np.testing.assert_allclose(quality[0, 0], golden["map"], atol=2e-4)
    assert float(quality.mean()) == pytest.approx(float(golden["raw_score"]), abs=5e-5)
    np.testing.assert_allclose(found["patch_embed"][::16, ::4, ::8, ::8], golden["patch_embed_sub"], atol=2e-4)
    np.testing.assert_allclose(found["stage0"][::24, ::4, ::7, ::7], golden["stage0_sub"], atol=2e-4)
    np.testing.assert_allclose(found["features"][::32], golden["feat_sub"], atol=2e-4)


@pytest.mark.golden
def test_golden_fastervqa_score(golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(rescaled(torch.from_numpy(golden["sigmoid_in"])), golden["sigmoid_out"], atol=1e-6)
    assert float(rescaled(torch.tensor(0.162247))) == pytest.approx(0.6, abs=1e-3)


def test_another_input_size_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"fragments \(B, 3, 32, 224, 224\), got \(1, 3, 16, 224, 224\)"):
        FasterVqa()(torch.zeros(1, 3, 16, 224, 224))


def test_checkpoints_are_loaded_strictly_and_errors_name_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"FAST_VQA_3D_1_1\.pth; download them from https.*licence: MIT"):
        load_fastervqa()
    path = write_checkpoint(tmp_path)
    network = load_fastervqa()
    assert not network.training
    state = network.state_dict()
    wanted = golden_network(0).state_dict()
    assert all(torch.equal(state[key], wanted[key]) for key in wanted)

    torch.save(wanted, path)  # the state dict alone
    assert torch.equal(load_fastervqa().vqa_head.fc_last.weight, wanted["vqa_head.fc_last.weight"])
    wanted["vqa_head.extra"] = wanted.pop("vqa_head.fc_last.bias")
    torch.save({"state_dict": wanted}, path)
    with pytest.raises(
        ModelError, match=r"FAST_VQA_3D_1_1\.pth.*1 missing \(vqa_head\.fc_last\.bias\).*vqa_head\.extra"
    ):
        load_fastervqa()
    torch.save({"model": wanted}, path)
    with pytest.raises(ModelError, match=r"has no key 'state_dict'; its keys are model"):
        load_fastervqa()
