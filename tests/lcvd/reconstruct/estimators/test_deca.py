"""Stage `reconstruct` with DECA and FLAME, of which random weights by the golden rule are written where real ones go."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from lcvd.cache.store import Cache, file_hash
from lcvd.config.reconstruct import DecaSettings
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.deca import SPLIT, DecaEncoder
from lcvd.face.deca_coder import DecaCoder
from lcvd.face.flame import Flame
from lcvd.face.geometry import place
from lcvd.face.heads import head_of
from lcvd.face.track import FaceTrack, face_track
from lcvd.reconstruct.estimators.registry import FACE_ESTIMATORS
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.render.hints import hints_of
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import read_lossless
from lcvd.weights.registry import MissingWeights
from tests.flame_files import write_flame
from tests.golden_rules import deca_exceptions, rule_weights

CAMERA = 6.0
"""Scale at which the ellipsoid of 12 cm fills a good part of the crop."""


def write_deca(path: Path) -> None:
    """E_flame by the golden rule, but for a last layer that says little more than a camera and a light of the front."""
    state = rule_weights(DecaEncoder(), 0, deca_exceptions)
    first = dict(zip(SPLIT, np.cumsum([0, *SPLIT.values()]).tolist(), strict=False))
    state["layers.2.weight"] *= 0.02
    bias = state["layers.2.bias"].zero_()
    bias[first["cam"]] = CAMERA
    bias[first["light"] : first["light"] + 3] = 1.5
    bias[first["light"] + 9 : first["light"] + 12] = 0.5
    path.parent.mkdir(parents=True)
    torch.save({"E_flame": state}, path)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("weights")
    write_flame(folder / "flame", 0)
    write_deca(folder / "deca" / "deca_model.tar")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LCVD_WEIGHTS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def deca(settings: Settings) -> Settings:
    return settings.model_copy(update={"reconstruct": settings.reconstruct.model_copy(update={"codes": "deca"})})


@pytest.fixture(scope="module")
def made(weights: Path, carphone: Clip, deca: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cache]:
    root = tmp_path_factory.mktemp("deca-reconstruct")
    (row,) = reconstruct_chunk([carphone], root / "data", Cache(root / ".lcvd" / "cache"), deca)
    assert row.status == "kept", row.detail
    assert row.fields["frames"] == carphone.frames
    assert row.fields["landmark_error"] < 1  # the ellipsoid's marks are near the face, no more
    return root / "data", Cache(root / ".lcvd" / "cache")


def test_a_real_clip_through_deca(weights: Path, carphone: Clip, deca: Settings, made: tuple[Path, Cache]) -> None:
    path = made[0] / "codes" / "carphone.safetensors"
    codes = FaceCodes.load(path)
    assert codes.head == "flame-2020"
    assert codes.identity.shape == (100,)
    assert codes.expression.shape == (carphone.frames, 50)
    assert codes.pose.shape == (carphone.frames, 6)
    assert codes.expression.min() < 0  # FLAME's may be
    with safe_open(path, framework="numpy") as stream:
        told = json.loads(stream.metadata()["lcvd"])["provenance"]
    assert told["weights"] == FACE_ESTIMATORS.get("deca").weights(deca.reconstruct)
    assert told["weights"]["deca"] == file_hash(weights / "deca" / "deca_model.tar")
    assert told["settings"]["codes"] == "deca"


def test_the_head_lies_on_the_face_and_hints_on_the_person(
    carphone: Clip, deca: Settings, made: tuple[Path, Cache]
) -> None:
    codes = FaceCodes.load(made[0] / "codes" / "carphone.safetensors")
    track = face_track(carphone, made[1], deca.filter.track)
    head = head_of(codes.head)
    assert isinstance(head, Flame)
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    middle = (place(vertices, codes)[..., :2].mean(1) + 1) / 2 * codes.square[2] + codes.square[:2]
    boxes = track.boxes
    assert (np.abs(middle - (boxes[:, :2] + boxes[:, 2:]) / 2) < 0.5 * (boxes[:, 2:] - boxes[:, :2])).all()
    hints = np.concatenate(list(hints_of(head, codes, deca.reconstruct.size)))
    shown = hints.max(-1) > 0
    person = read_lossless(made[0] / "masks" / "carphone.mkv") > 127
    assert 0.03 < shown.mean() < 0.5
    assert (shown & person).sum() / shown.sum() > 0.85


def test_the_same_bytes_again(carphone: Clip, deca: Settings, made: tuple[Path, Cache], tmp_path: Path) -> None:
    reconstruct_chunk([carphone], tmp_path, Cache(tmp_path / "cache"), deca)
    for name in ("codes/carphone.safetensors", "preview/carphone.png"):
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes(), name


def test_other_weights_make_it_again(
    weights: Path,
    carphone: Clip,
    deca: Settings,
    made: tuple[Path, Cache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_flame(tmp_path / "flame", 1)
    (tmp_path / "deca").mkdir()
    (tmp_path / "deca" / "deca_model.tar").symlink_to(weights / "deca" / "deca_model.tar")
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    reconstruct_chunk([carphone], tmp_path / "out", made[1], deca)
    before, after = ((root / "codes" / "carphone.safetensors").read_bytes() for root in (made[0], tmp_path / "out"))
    assert before != after


def test_frames_without_a_face_are_bridged(
    weights: Path, carphone: Clip, deca: Settings, made: tuple[Path, Cache]
) -> None:
    track = face_track(carphone, made[1], deca.filter.track)
    blind = track.present.copy()
    blind[5:8] = False
    gap = FaceTrack(track.landmarks * blind[:, None, None], track.boxes * blind[:, None], blind, track.faces * blind)
    square = FaceCodes.load(made[0] / "codes" / "carphone.safetensors").square
    coder = DecaCoder(gap, square, DecaSettings())
    for window in frames(carphone, 16):
        coder.update(window, window)
    codes = coder.finish()
    assert codes.confidence.tolist() == blind.astype(float).tolist()
    for name in ("pose", "crop", "camera", "light"):
        values = getattr(codes, name)
        np.testing.assert_allclose(values[6], (values[4] + values[8]) / 2, rtol=1e-4, atol=1e-4)


def test_a_missing_weight_stops_the_stage_by_name(
    carphone: Clip, deca: Settings, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"deca_model\.tar.*MPI, non-commercial research.*Open default"):
        reconstruct_chunk([dataclasses.replace(carphone, id="x")], tmp_path / "out", cache, deca)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_stops_the_stage_by_name(
    weights: Path, carphone: Clip, deca: Settings, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)  # whoever imports it finds none
    part = deca.reconstruct.model_copy(update={"deca": DecaSettings(landmarks="face-alignment")})
    with pytest.raises(ImportError, match=r"pip install 'lcvd\[deca\]'"):
        reconstruct_chunk([carphone], tmp_path / "out", cache, deca.model_copy(update={"reconstruct": part}))
