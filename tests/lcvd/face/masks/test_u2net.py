from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lcvd.face.masks.registry import MASKERS
from lcvd.face.masks.u2net import U2NetClipMasker, grown, prepared
from lcvd.face.u2net import U2Net, load_u2net
from lcvd.weights.registry import MissingWeights
from tests.golden_rules import fan_in, rule_weights


def exceptions(key: str, x: np.ndarray) -> np.ndarray | None:
    if x.ndim != 4:
        return None
    return fan_in(x) * (1.0 if key.startswith(("side", "outconv")) else 1.1)


def golden_network(seed: int) -> U2Net:
    network = U2Net()
    network.load_state_dict(rule_weights(network, seed, exceptions))
    return network.eval()


def golden_image(seed: int, side: int = 320) -> np.ndarray:
    y, x = np.mgrid[:side, :side].astype(float)
    blob = np.exp(-((x - 160) ** 2 + (y - 144) ** 2) / (0.09 * side * side))
    planes = [
        0.5
        + 0.35 * np.sin(2 * np.pi * (x * (c + 1) + y * (2 - c)) / side + 0.37 * seed + c) * blob
        + 0.1 * np.cos(2 * np.pi * 3 * y / side)
        for c in range(3)
    ]
    return np.round(255 * np.clip(np.stack(planes, -1), 0, 1)).astype(np.uint8)


def unpacked(bits: np.ndarray, side: int) -> np.ndarray:
    return np.unpackbits(bits)[: side * side].reshape(side, side) > 0


@pytest.fixture(scope="module")
def golden(golden_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / "u2net.npz"))


@pytest.mark.golden
def test_golden_u2net_correct(golden: dict[str, np.ndarray]) -> None:
    seed = int(golden["seed"])
    image = golden_image(seed)
    np.testing.assert_array_equal(image[::40, ::40], golden["img_check"])
    network = golden_network(seed)
    with torch.inference_mode():
        maps = [part[0, 0].numpy() for part in network(torch.from_numpy(prepared(image, compat=False))[None])]
    np.testing.assert_allclose(maps[0][::8, ::8], golden["correct_d1_sub"], atol=5e-5)
    np.testing.assert_allclose(maps[6][::16, ::16], golden["correct_d7_sub"], atol=5e-5)
    np.testing.assert_allclose([part.mean() for part in maps], golden["correct_d_means"], atol=5e-5)
    stretched = (maps[0] - maps[0].min()) / np.ptp(maps[0])
    assert ((stretched > 0.5) != unpacked(golden["correct_binary_320"], 320)).mean() <= 0.005
    # The masker takes the same road, batched.
    masker = U2NetClipMasker(network=network)
    np.testing.assert_allclose(masker.maps(np.stack([image, image[::-1]]))[0], maps[0], atol=1e-5)


@pytest.mark.golden
def test_golden_u2net_compat(golden: dict[str, np.ndarray]) -> None:
    seed = int(golden["seed"])
    masker = U2NetClipMasker(compat=True, network=golden_network(seed))
    small = golden_image(seed)
    for side in sorted({int(key[6:9]) for key in golden if key.startswith("compat")}):
        image = small if side == 320 else cv2.resize(small, (side, side))
        np.testing.assert_allclose(
            prepared(image, compat=True)[:, ::40, :4], golden[f"compat{side}_input_sub"], atol=1e-6
        )
        soft = masker.maps(np.stack([image] * 2))[1]  # a frame knows nothing of the one before
        np.testing.assert_allclose(soft[::8, ::8], golden[f"compat{side}_d1_sub"], atol=2e-3)
        mask = grown(soft)
        assert ((mask > 127) != unpacked(golden[f"compat{side}_mask512"], 512)).mean() <= 0.005
        assert (np.abs(mask[::8, ::8] - golden[f"compat{side}_mask512_sub"]) > 1).mean() <= 0.005
        assert abs(mask.mean() - golden[f"compat{side}_mask_mean"]) < 0.5
        assert len(np.unique(mask)) > 20
    masks = masker.update(image[None, ::2, ::2])
    assert masks.shape == (1, 256, 256)
    assert set(np.unique(masks)) == {0, 255}


def test_files_are_loaded_strictly_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    for ask in (lambda: MASKERS.get("u2net").start(), lambda: MASKERS.get("u2net-compat").weights()):
        with pytest.raises(MissingWeights, match=r"u2net_human_seg\.pth.*Apache-2\.0"):
            ask()
    path = tmp_path / "u2net" / "u2net_human_seg.pth"
    path.parent.mkdir()
    network = U2Net()
    torch.save(network.state_dict(), path)
    loaded = load_u2net()
    assert not loaded.training
    assert all(
        torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), network.state_dict().values(), strict=True)
    )
    assert len(MASKERS.get("u2net").weights()["u2net-human"]) == 64
    state = network.state_dict()
    state["extra"] = state.pop("outconv.bias")
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"u2net_human_seg\.pth: not a checkpoint of this U2Net.*outconv\.bias"):
        MASKERS.get("u2net").start()
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"u2net_human_seg\.pth"):
        MASKERS.get("u2net").start()
