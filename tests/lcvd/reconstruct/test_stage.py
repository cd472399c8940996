import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from lcvd.cache.store import Cache, file_hash
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.head import load_head
from lcvd.face.square import square_pictures
from lcvd.face.u2net import U2Net
from lcvd.ledger.rows import Row
from lcvd.reconstruct.stage import reconstruct_chunk, shown_frames
from lcvd.render.hints import hints_of
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import read_lossless, write_h264
from lcvd.weights.registry import MissingWeights

Reconstructed = tuple[Path, Cache, Row]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_real_clip(carphone: Clip, settings: Settings, reconstructed: Reconstructed) -> None:
    folder, _, row = reconstructed
    assert row.status == "kept", row.detail
    assert row.fields["frames"] == carphone.frames
    assert row.fields["landmark_error"] < 0.05
    assert 0.3 < row.fields["confidence"] <= 1
    assert sorted(files(folder)) == ["codes/carphone.safetensors", "masks/carphone.mkv", "preview/carphone.png"]
    codes = FaceCodes.load(folder / "codes" / "carphone.safetensors")
    masks = read_lossless(folder / "masks" / "carphone.mkv")
    size = settings.reconstruct.size
    assert codes.frames == carphone.frames
    assert masks.shape == (carphone.frames, size, size)
    assert 0.2 < (masks > 127).mean() < 0.9
    x0, y0, side = codes.square
    assert x0 >= 0
    assert x0 + side <= carphone.width
    assert y0 >= 0
    assert y0 + side <= carphone.height


def test_the_hint_lies_on_the_person_and_looks_like_the_face(
    carphone: Clip, settings: Settings, reconstructed: Reconstructed
) -> None:
    folder = reconstructed[0]
    codes = FaceCodes.load(folder / "codes" / "carphone.safetensors")
    size = settings.reconstruct.size
    hints = np.concatenate(list(hints_of(load_head(codes.head), codes, size)))
    shown = hints.max(-1) > 0
    person = read_lossless(folder / "masks" / "carphone.mkv") > 127
    assert 0.05 < shown.mean() < 0.5
    assert (shown & person).sum() / shown.sum() > 0.97
    pictures = np.concatenate([square_pictures(window, codes.square, size) for window in frames(carphone)])
    inside = shown.all(0)
    pictured, hinted = (images.mean(-1)[:, inside].mean(0) for images in (pictures, hints))
    assert np.corrcoef(pictured, hinted)[0, 1] > 0.3
    assert 60 < hinted.mean() < 220


def test_lights_are_steady(reconstructed: Reconstructed) -> None:
    light = FaceCodes.load(reconstructed[0] / "codes" / "carphone.safetensors").light
    assert np.abs(np.diff(light, axis=0)).max() < 0.1 * np.abs(light).max()


def test_a_second_run_makes_nothing_and_a_fresh_one_the_same_bytes(
    carphone: Clip, settings: Settings, reconstructed: Reconstructed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache, row = reconstructed
    (fresh,) = reconstruct_chunk([carphone], tmp_path / "fresh", Cache(tmp_path / "cache"), settings)
    assert fresh == row
    assert files(tmp_path / "fresh") == files(folder)
    monkeypatch.setattr("lcvd.reconstruct.stage._make", lambda *_: pytest.fail("made again"))
    (again,) = reconstruct_chunk([carphone], tmp_path / "again", cache, settings)
    assert again == row
    assert files(tmp_path / "again") == files(folder)


def test_the_file_tells_where_it_comes_from_and_no_place(carphone: Clip, reconstructed: Reconstructed) -> None:
    path = reconstructed[0] / "codes" / "carphone.safetensors"
    with safe_open(path, framework="numpy") as stream:
        told = json.loads(stream.metadata()["lcvd"])["provenance"]
    assert told["clip"]["sha256"] == carphone.sha256
    assert str(carphone.media.parent).encode() not in path.read_bytes()


def test_the_sheet_is_a_picture_of_seven_rows(reconstructed: Reconstructed) -> None:
    with Image.open(reconstructed[0] / "preview" / "carphone.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    assert pixels.shape[0] > 7 * 192
    assert pixels.shape[1] > 8 * 192
    assert pixels.std() > 20


def test_a_clip_without_a_face_fails_by_name(carphone: Clip, settings: Settings, tmp_path: Path, cache: Cache) -> None:
    sky = dataclasses.replace(carphone, id="sky", crop=(0, 0, 40, 40), width=40, height=40)
    rows = reconstruct_chunk([sky], tmp_path / "out", cache, settings)
    assert [(row.id, row.status, row.reason) for row in rows] == [("sky", "failed", "no_face")]
    assert not (tmp_path / "out").exists()


def test_frames_without_a_face_are_interpolated_marked_and_no_source_of_light(
    carphone: Clip, settings: Settings, tmp_path: Path, cache: Cache
) -> None:
    pictures = np.concatenate(list(frames(carphone)))
    walled = pictures.copy()
    walled[8:11] = (20, 20, 250)
    found = {}
    for name, shown in (("whole", pictures), ("gap", walled)):
        write_h264(tmp_path / f"{name}.mp4", [shown], 30.0, crf=4)
        media = tmp_path / f"{name}.mp4"
        clip = dataclasses.replace(carphone, id=name, media=media, sha256=file_hash(media))
        (row,) = reconstruct_chunk([clip], tmp_path / "out", cache, settings)
        found[name] = row, FaceCodes.load(tmp_path / "out" / "codes" / f"{name}.safetensors")
    (whole_row, whole), (row, codes) = found["whole"], found["gap"]
    lost = codes.confidence == 0
    assert lost[8:11].all()
    assert row.fields["bridged"] == lost.sum() <= 5
    assert whole_row.fields["bridged"] == 0
    turn = np.linalg.norm(codes.pose[lost] - whole.pose[lost], axis=-1)
    assert np.rad2deg(turn).max() < 4
    assert np.abs(codes.light - whole.light).max() < 0.1 * np.abs(whole.light).max()


def test_published_masks_need_their_file_and_another_file_makes_others(
    carphone: Clip, settings: Settings, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path / "weights"))
    published = settings.model_copy(update={"reconstruct": settings.reconstruct.model_copy(update={"mask": "u2net"})})
    clip = carphone.part(0, 2)
    with pytest.raises(MissingWeights, match="u2net_human_seg"):
        reconstruct_chunk([clip], tmp_path / "out", cache, published)
    path = tmp_path / "weights" / "u2net" / "u2net_human_seg.pth"
    path.parent.mkdir(parents=True)
    masks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(U2Net().state_dict(), path)
        (row,) = reconstruct_chunk([clip], tmp_path / "out", cache, published)
        assert row.status == "kept", row.detail
        masks.append(read_lossless(tmp_path / "out" / "masks" / "carphone.mkv"))
    assert masks[0].shape == masks[1].shape == (2, settings.reconstruct.size, settings.reconstruct.size)
    assert (masks[0] != masks[1]).any()


def test_shown_frames() -> None:
    assert shown_frames(100) == [0, 14, 28, 42, 57, 71, 85, 99]
    assert shown_frames(3) == [0, 1, 2]
    assert shown_frames(1) == [0]


def test_jittery_clips_are_filtered_from_cached_measurements(
    carphone: Clip, settings: Settings, reconstructed: Reconstructed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cache, row = reconstructed
    assert 0 < row.fields["landmark_jitter"] < 0.02
    assert 0 < row.fields["pose_jitter"] < 1
    assert row.fields["light_jitter"] < 0.01
    monkeypatch.setattr("lcvd.reconstruct.stage._make", lambda *_: pytest.fail("made again"))
    for name in ("landmark_jitter", "pose_jitter", "light_jitter"):
        limits = settings.reconstruct.thresholds.model_copy(update={f"max_{name}": row.fields[name] / 2})
        stricter = settings.reconstruct.model_copy(update={"thresholds": limits})
        (left_out,) = reconstruct_chunk(
            [carphone], tmp_path / name, cache, settings.model_copy(update={"reconstruct": stricter})
        )
        assert (left_out.status, left_out.reason, left_out.score) == ("filtered", "jitters", row.fields[name])
        assert left_out.fields == {**row.fields, "threshold": row.fields[name] / 2}
        assert not (tmp_path / name).exists()


def test_a_shaken_camera_is_jitter(carphone: Clip, settings: Settings, tmp_path: Path, cache: Cache) -> None:
    pictures = np.concatenate(list(frames(carphone)))
    shifts = np.random.default_rng(0).integers(0, 9, (len(pictures), 2))
    shaken = np.stack([frame[y : y + 136, x : x + 168] for frame, (y, x) in zip(pictures, shifts, strict=True)])
    write_h264(tmp_path / "shaken.mp4", [shaken], 30.0, crf=4)
    media = tmp_path / "shaken.mp4"
    clip = dataclasses.replace(carphone, media=media, sha256=file_hash(media), width=168, height=136)
    (row,) = reconstruct_chunk([clip], tmp_path / "out", cache, settings)
    assert row.reason == "jitters"
    assert re.search(r"landmarks [\d.]+% of the inter-ocular distance, at most 3.00% allowed", row.detail)
