from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.face.deca import CPU_BATCH, SPLIT, DecaCodes, DecaEncoder, encode, load_encoder
from lcvd.weights.strict import ModelError
from tests.golden_rules import deca_exceptions, rule_weights


def picture(number: int, seed: int) -> np.ndarray:
    y, x = np.mgrid[:224, :224].astype(np.float64)
    k = number + 1 + 3 * seed
    channels = [
        0.5
        + 0.3 * np.sin(2 * np.pi * (k * x + (c + 1) * y) / 224 + 0.7 * c)
        + 0.2 * np.cos(2 * np.pi * ((c + 2) * x - k * y) * 1.7 / 224)
        for c in range(3)
    ]
    return np.clip(channels, 0, 1)


@pytest.fixture(scope="module")
def stored(golden_dir: Path) -> dict[str, np.ndarray]:
    with np.load(golden_dir / "deca_encoder.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def file(stored: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as DECA's is laid out, with weights by the golden rule."""
    path = tmp_path_factory.mktemp("deca") / "deca_model.tar"
    state = rule_weights(DecaEncoder(), int(stored["seed"]), deca_exceptions)
    torch.save({"E_flame": state, "E_detail": {}, "D_detail": {}}, path)
    return path


@pytest.mark.golden
def test_golden_deca_encoder(stored: dict[str, np.ndarray], file: Path) -> None:
    encoder = load_encoder(file)
    state = {key: value for key, value in encoder.state_dict().items() if key in set(stored["keys"].tolist())}
    assert len(encoder.state_dict()) == len(state) == int(stored["n_keys"])
    sums = [state[key].double().sum().item() for key in stored["keys"].tolist()]
    np.testing.assert_allclose(sums, stored["key_sums"], rtol=1e-9, atol=1e-6)
    crops = torch.from_numpy(np.stack([picture(i, int(stored["seed"])) for i in range(len(stored["params"]))])).float()
    np.testing.assert_allclose(crops[:, :, ::32, ::32], stored["in_check"], atol=1e-6)
    with torch.no_grad():
        stem = encoder.encoder.conv1(crops)[:, ::8, ::16, ::16]
        pooled, parameters = encoder.encoder(crops), encoder(crops)
    codes = DecaCodes.split(parameters)
    for found, key in (
        (stem, "conv1_check"),
        (pooled, "pooled"),
        (parameters, "params"),
        (codes.shape, "code_shape"),
        (codes.texture, "code_tex"),
        (codes.expression, "code_exp"),
        (codes.pose, "code_pose"),
        (codes.camera, "code_cam"),
        (codes.light, "code_light"),
    ):
        np.testing.assert_allclose(found.numpy(), stored[key], atol=5e-5, rtol=0, err_msg=key)
    assert dict(zip(stored["names"].tolist(), stored["sizes"].tolist(), strict=True)) == SPLIT


def test_published_counts() -> None:
    """Spec J1."""
    with torch.device("meta"):
        encoder = DecaEncoder()
    assert sum(p.numel() for p in encoder.encoder.parameters()) == 23_508_032
    assert sum(p.numel() for p in encoder.layers.parameters()) == 2_340_076


def test_the_encoder_is_frozen(file: Path) -> None:
    encoder = load_encoder(file)
    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())


def test_what_does_not_fit_is_listed(file: Path, tmp_path: Path) -> None:
    whole = torch.load(file, weights_only=True)
    path = tmp_path / "deca_model.tar"
    state = dict(whole["E_flame"])
    state["layers.3.weight"] = state.pop("layers.2.weight")
    torch.save({"E_flame": state}, path)
    with pytest.raises(ModelError, match=r"1 missing \(layers\.2\.weight\); 1 unexpected \(layers\.3\.weight\)"):
        load_encoder(path)
    torch.save({"E_detail": {}}, path)
    with pytest.raises(ModelError, match=r"has no key 'E_flame'; its keys are E_detail"):
        load_encoder(path)


def test_a_file_of_the_old_format_loads_too(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "deca_model.tar"
    torch.save(torch.load(file, weights_only=True), path, _use_new_zipfile_serialization=False)
    encoder = load_encoder(path)
    assert torch.equal(encoder.layers[2].bias, load_encoder(file).layers[2].bias)


def test_a_window_is_encoded_in_parts(file: Path) -> None:
    encoder = load_encoder(file)
    crops = torch.rand(CPU_BATCH + 1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = torch.cat([encoder(crop[None]) for crop in crops])
    torch.testing.assert_close(encode(encoder, crops), alone, atol=1e-4, rtol=1e-4)
