"""Near-duplicates made from real frames, clusters of known people, and merged identities."""

import base64
import dataclasses
import logging
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from lcvd.config.filter import FilterSettings
from lcvd.face.embedding import unit
from lcvd.filter import measure as measure_module
from lcvd.filter.across_clips import compare_clips, merged_identities
from lcvd.filter.face_signature import FaceSignature
from lcvd.filter.stage import filter_chunk, kept_clips
from lcvd.ledger.rows import Row, failed, kept, write_ledger
from lcvd.shard.split import split_clips
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.encode import write_h264
from lcvd.video.probe import probe


def changed(settings: FilterSettings, part: str, **values: object) -> FilterSettings:
    return settings.model_copy(update={part: getattr(settings, part).model_copy(update=values)})


@pytest.fixture
def copied(carphone, clip_from) -> list[Clip]:
    """A clip, near-duplicates of it (cropped, brightened, scaled), its mirror image, and a clip without a face."""
    one = carphone[:24]
    bright = (255 * np.clip(1.15 * (one / 255) ** 0.9, 0, 1)).astype(np.uint8)
    large = np.stack([cv2.resize(frame, (264, 216), interpolation=cv2.INTER_CUBIC) for frame in one])
    variants = {"b-one": one, "c-cut": one[:, 8:, 6:170], "d-bright": bright, "e-large": large}
    others = {"a-mirror": one[:, :, ::-1], "f-wall": np.full_like(one, 90)}
    return [clip_from(np.ascontiguousarray(frames), id) for id, frames in (variants | others).items()]


def test_the_first_near_duplicate_is_kept_and_named(copied, cache, settings, monkeypatch) -> None:
    settings = changed(settings, "quality", frames=8, metric="none")
    found = {row.id: row for row in compare_clips(filter_chunk(copied, cache, settings), settings)}
    assert [id for id, row in found.items() if row.status == "kept"] == ["b-one", "a-mirror"]
    for id in ("c-cut", "d-bright", "e-large"):
        row = found[id]
        assert (row.reason, row.fields["copy_of"], row.fields["threshold"]) == ("near_duplicate", "b-one", 0.1)
        assert row.score < 0.1
        assert "near-duplicate of b-one" in row.detail
    assert found["f-wall"].reason == "no_face"
    assert not any("signature" in row.fields for row in found.values())
    assert not any("embedding" in str(row) for row in found.values())

    monkeypatch.setattr(measure_module, "_measure", lambda *_: pytest.fail("measured again"))
    keep_all = changed(settings, "thresholds", min_difference=0)
    again = compare_clips(filter_chunk(copied, cache, keep_all), keep_all)
    assert sum(row.status == "kept" for row in again) == 5


def test_real_near_duplicates_are_dropped_and_other_parts_of_the_clip_kept(clips_dir, tmp_path, cache) -> None:
    settings = FilterSettings.model_validate(
        {"quality": {"metric": "none"}, "thresholds": {"min_sharpness": 0, "max_jump": 9}, "shot_threshold": 1000}
    )
    clips = []
    for path in sorted(clips_dir.glob("lp_d1*.mp4"))[:2]:
        found = probe(path)
        middle = min(found.frames // 2, 40)
        whole = Clip(
            path.stem, path.stem, path, path.stem, 0, found.frames, found.fps, found.width, found.height, None, "", ""
        )
        first = dataclasses.replace(whole.part(0, middle), id=f"{path.stem}-1")
        clips += [first, dataclasses.replace(whole.part(middle, 2 * middle), id=f"{path.stem}-2")]
        copy = tmp_path / f"{path.stem}-3.mp4"
        frames = read(first, range(middle))[:, 20:, 12:]
        frames = np.stack([cv2.resize(frame, (300, 296), interpolation=cv2.INTER_AREA) for frame in frames])
        write_h264(copy, [frames], found.fps, crf=33)
        clips.append(Clip(copy.stem, copy.stem, copy, copy.stem, 0, middle, found.fps, 300, 296, None, "", ""))
    rows = compare_clips(filter_chunk(clips, cache, settings), settings)
    assert len(rows) == 6
    for row in rows:
        if row.id.endswith("-3"):
            assert (row.reason, row.fields["copy_of"]) == ("near_duplicate", row.id[:-2] + "-1")
        else:
            assert row.status == "kept", row
            assert row.fields["person"] == row.id[:-2] + "-1"
            assert row.fields["identity"] == row.fields["person"].replace("-1", "")
            assert row.fields["same_face"] > 0.5


def row_of(id: str, identity: str, vector: np.ndarray | None) -> Row:
    """A kept row with the given embedding and random hashes."""
    bits = np.random.default_rng(zlib.crc32(id.encode())).integers(0, 2, (8, 144), dtype=np.uint8)
    text = "" if vector is None else base64.b64encode(vector.astype("<f2").tobytes()).decode()
    hashes = tuple(np.packbits(row).tobytes().hex() for row in bits)
    return kept(
        id, 1.0, identity=identity, part=[0, 9], signature=dataclasses.asdict(FaceSignature(hashes, text, None, None))
    )


@pytest.fixture
def people() -> list:
    """Videos v1 (two people) and v2, which share a person; v3 with a third person; a clip without a face; a failed clip."""
    a, b, c = (np.eye(128)[i] for i in range(3))
    named = [("v1-1", "v1", a), ("v1-2", "v1", b), ("v2-1", "v2", b), ("v3-1", "v3", c), ("v4-1", "v4", None)]
    return [*(row_of(*each) for each in named), failed("v5-1", "truncated", "")]


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("manifest", ["v1", "v1", "v2", "v3", "v4"]),
        ("faces", ["v1-1", "v1-2", "v1-2", "v3-1", "v4-1"]),
        ("joined", ["v1", "v1", "v1", "v3", "v4"]),
    ],
)
def test_identities_follow_the_setting(people, how, wanted, caplog) -> None:
    settings = changed(FilterSettings(), "people", identity=how)
    with caplog.at_level(logging.INFO):
        rows = compare_clips(people, settings)
    assert [row.fields["identity"] for row in rows[:-1]] == wanted
    assert [row.fields["person"] for row in rows[:-1]] == ["v1-1", "v1-2", "v1-2", "v3-1", "v4-1"]
    assert rows[-1] == people[-1]
    assert ("1 of the manifest's 4 identities" in caplog.text) == (how == "manifest")
    assert ("has 3 of 5 clips" in caplog.text) == (how == "joined")


@pytest.mark.parametrize(("how", "disjoint"), [("manifest", False), ("faces", True), ("joined", True)])
def test_splits_share_people_only_with_the_manifests_identities(how: str, disjoint: bool) -> None:
    """Sixty people in two videos each; each video has two clips of one person."""
    rng = np.random.default_rng(0)
    base = unit(rng.normal(size=(60, 128)))
    who = {f"v{video:03d}-{clip}": video % 60 for video in range(120) for clip in range(2)}
    rows = [row_of(id, id[:4], unit(base[person] + 0.5 * unit(rng.normal(size=128)))) for id, person in who.items()]
    compared = compare_clips(rows, changed(FilterSettings(), "people", identity=how))
    splits = split_clips({row.id: row.fields["identity"] for row in compared}, 0.3, 0.2)
    people = {name: {who[id] for id in splits.ids(name)} for name in ("train", "val", "test")}
    assert all(people.values())
    shared = (people["train"] & people["test"]) | (people["train"] & people["val"]) | (people["val"] & people["test"])
    assert (not shared) == disjoint


def test_identities_are_merged_transitively() -> None:
    manifest = {"1": "d", "2": "c", "3": "c", "4": "b", "5": "a"}
    assert merged_identities(manifest, {"1": "x", "2": "x", "3": "y", "4": "y", "5": "z"}) == {
        "1": "b", "2": "b", "3": "b", "4": "b", "5": "a"}  # fmt: skip
    assert merged_identities({}, {}) == {}


def test_kept_clips_have_the_identity_found(people, tmp_path: Path) -> None:
    rows = compare_clips(people[:3], changed(FilterSettings(), "people", identity="joined"))
    write_ledger(tmp_path / "filter" / "ledger.parquet", rows)
    fields = {"media": "a.mp4", "sha256": "", "start": 0, "stop": 20, "fps": 25.0, "width": 9, "height": 9, "crop": None,
              "licence": "", "address": ""}  # fmt: skip
    write_ledger(
        tmp_path / "download" / "ledger.parquet",
        [kept(row.id, identity=row.id.partition("-")[0], **fields) for row in people[:3]],
    )
    assert {clip.id: clip.identity for clip in kept_clips(tmp_path / "download", tmp_path / "filter")} == dict.fromkeys(
        ("v1-1", "v1-2", "v2-1"), "v1"
    )
