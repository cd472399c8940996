"""A package that is installed beside this project adds a face estimator and a masker; the stage uses and names it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from lcvd.cache.store import Cache
from lcvd.config.io import SettingsError, dump_settings, load_settings
from lcvd.config.reconstruct import FACE_ESTIMATOR_NAMES
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.reconstruct.estimators.registry import FACE_ESTIMATORS
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.video.clip import Clip
from lcvd.video.encode import read_lossless
from tests.packages import install

ENTRIES = "[lcvd.face_estimators]\ndim = toy_faces:Dim\n[lcvd.maskers]\nleft-half = toy_faces:LEFT_HALF\n"
SOURCE = """
import numpy as np
from lcvd.reconstruct.estimators.open_head import OpenClip, OpenHead

class DimClip(OpenClip):
    def finish(self):
        codes = super().finish()
        return codes.replace(light=codes.light / 2)

class DimHead(OpenHead):
    def weights(self, settings):
        return {"dim": "0" * 64}

    def start(self, track, square, settings):
        return DimClip(track, square, settings)

class LeftHalf:
    def weights(self):
        return {}

    def start(self):
        return self

    def update(self, window):
        masks = np.zeros(window.shape[:3], np.uint8)
        masks[:, :, : masks.shape[2] // 2] = 255
        return masks

    def close(self):
        pass

Dim, LEFT_HALF = DimHead(), LeftHalf()
"""


def changed(settings: Settings, path: Path, **changes: str) -> Settings:
    """The settings as a file that names other implementations, read again."""
    part = settings.reconstruct.model_copy(update=changes)
    path.write_text(dump_settings(settings.model_copy(update={"reconstruct": part})))
    return load_settings(path)


def test_the_settings_know_this_projects_names() -> None:
    assert FACE_ESTIMATORS.names() == FACE_ESTIMATOR_NAMES.names()


def test_an_installed_package_adds_a_face_estimator_and_a_masker(
    carphone: Clip, settings: Settings, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = tmp_path / "params.yaml"
    clip = carphone.part(0, 4)
    reconstruct_chunk([clip], tmp_path / "own", cache, settings)
    install(monkeypatch, tmp_path, "toy-faces", ENTRIES, toy_faces=SOURCE)
    with pytest.raises(SettingsError, match="unknown face estimator 'dimm'; did you mean 'dim'"):
        changed(settings, params, codes="dimm")
    with pytest.raises(SettingsError, match="unknown masker 'left_half'; did you mean 'left-half'"):
        changed(settings, params, mask="left_half")
    toy = changed(settings, params, codes="dim", mask="left-half")
    (row,) = reconstruct_chunk([clip], tmp_path / "toy", cache, toy)
    assert row.status == "kept", row.detail
    own, path = (tmp_path / name / "codes" / "carphone.safetensors" for name in ("own", "toy"))
    np.testing.assert_allclose(FaceCodes.load(path).light, FaceCodes.load(own).light / 2, rtol=1e-6)
    columns = read_lossless(tmp_path / "toy" / "masks" / "carphone.mkv").mean((0, 1))
    assert (columns[: len(columns) // 2].min(), columns[len(columns) // 2 :].max()) == (255, 0)
    with safe_open(path, framework="numpy") as stream:
        made_from = json.loads(stream.metadata()["lcvd"])["provenance"]
    assert made_from["weights"] == {"dim": "0" * 64}
    assert made_from["packages"] == ["toy-faces 1.0"]

    made: list[Path] = []
    monkeypatch.setattr("lcvd.reconstruct.stage._make", lambda folder, *_: made.append(folder))
    reconstruct_chunk([clip], tmp_path / "again", cache, toy)
    assert not made
    install(monkeypatch, tmp_path, "toy-faces", ENTRIES, version="1.1")
    reconstruct_chunk([clip], tmp_path / "again", cache, toy)
    assert made  # another version of the package: nothing of it is in the cache
