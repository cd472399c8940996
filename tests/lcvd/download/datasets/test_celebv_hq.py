"""Entries in the format of celebvhq_info.json, and crops compared with the dataset's own arithmetic."""

import json
from pathlib import Path
from typing import Any

import pytest

from lcvd.download.datasets.registry import DATASETS, read_dataset
from lcvd.download.manifest.box import parse_crop
from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest

KNOWN = DATASETS.get("celebv-hq")
CLIPS: dict[str, Any] = {
    "M2Ohb0FAaJU_1": {
        "ytb_id": "M2Ohb0FAaJU",
        "duration": {"start_sec": 81.62, "end_sec": 86.17},
        "bbox": {"top": 0.0, "bottom": 0.8815, "left": 0.1964, "right": 0.6922},
        "attributes": {"appearance": [0, 0, 1], "action": [0], "emotion": {"sep_flag": False, "labels": "neutral"}},
        "version": "v0.1",
    },
    "_0tf2n3rlJU_0": {
        "ytb_id": "_0tf2n3rlJU",
        "duration": {"start_sec": 52, "end_sec": 56.1},
        "bbox": {"top": 0.0, "bottom": 0.8407, "left": 0.5271, "right": 1.0},
        "version": "v0.1",
    },
}


def write(folder: Path, clips: dict[str, Any], indent: int | None = 1) -> Path:
    path = folder / "celebvhq_info.json"
    path.write_text(json.dumps({"meta_info": {"appearance_mapping": ["Blurry"]}, "clips": clips}, indent=indent))
    return path


def published_cut(bbox: dict[str, float], width: int, height: int) -> tuple[int, int, int, int]:
    """The published computation in floats: grow by 0.02, clip, round to pixels, square of the smaller half side."""
    top, bottom = max(bbox["top"] - 0.02, 0), min(bbox["bottom"] + 0.02, 1)
    left, right = max(bbox["left"] - 0.02, 0), min(bbox["right"] + 0.02, 1)
    top, bottom, left, right = round(top * height), round(bottom * height), round(left * width), round(right * width)
    half = min(bottom - top, right - left) // 2
    y, x = (top + bottom) / 2, (left + right) / 2
    return int(x - half), int(y - half), int(x + half), int(y + half)


def test_a_clip_becomes_a_row(tmp_path: Path) -> None:
    result = read_dataset(KNOWN, write(tmp_path, CLIPS))
    assert result.rows[0] == {
        "id": "celebv-hq-M2Ohb0FAaJU_1",
        "identity": "youtube:M2Ohb0FAaJU",
        "address": "youtube:M2Ohb0FAaJU",
        "start": "81.62",
        "end": "86.17",
        "crop": "0.1764 0 0.7122 0.9015 of 1x1 square",
        "licence": KNOWN.licence,
        "dataset": "celebv-hq",
    }
    assert (result.rows[1]["start"], result.rows[1]["crop"]) == ("52", "0.5071 0 1 0.8607 of 1x1 square")
    write_manifest(tmp_path / "m.csv", result.rows)
    assert [source.frame_range(3000, 25.0) for source in read_manifests(tmp_path)][1] == (
        1300,
        1403,
    )  # 56.1 s is 1402.5


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (854, 480)])
@pytest.mark.parametrize("clip", CLIPS)
def test_the_crop_is_the_published_one(tmp_path: Path, clip: str, size: tuple[int, int]) -> None:
    rows = {row["id"]: row for row in read_dataset(KNOWN, write(tmp_path, CLIPS)).rows}
    crop = parse_crop(rows[f"celebv-hq-{clip}"]["crop"])
    assert crop is not None
    assert crop.pixels(*size) == published_cut(CLIPS[clip]["bbox"], *size)


@pytest.mark.parametrize(("change", "message"), [
    ({"ytb_id": "=cmd()"}, "ytb_id: found '=cmd()'; expected the 11 characters of a YouTube id"),
    ({"ytb_id": None}, "ytb_id: found None"),
    ({"duration": {"start_sec": 5, "end_sec": 5}}, "duration.start_sec, end_sec: found '5, 5'; expected seconds, 0 <= start < end"),
    ({"duration": {"start_sec": -1, "end_sec": 5}}, "duration.start_sec, end_sec: found '-1, 5'"),
    ({"duration": {"start_sec": 1}}, "duration.end_sec: found None; expected a number"),
    ({"bbox": {"top": 0, "bottom": 1.2, "left": 0, "right": 1}}, "bbox.top, bottom: found '0, 1.2'; expected fractions"),
    ({"bbox": {"top": 0, "bottom": 1, "left": 0.5, "right": 0.5}}, "bbox.left, right: found '0.5, 0.5'"),
    ({"bbox": {"top": "0", "bottom": 1, "left": 0.5, "right": 1}}, "bbox.top: found '0'; expected a number"),
    ({"bbox": None}, "bbox.right: found None"),
])  # fmt: skip
def test_errors_name_file_line_and_field(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write(tmp_path, CLIPS | {"x_0": CLIPS["M2Ohb0FAaJU_1"] | change})
    with pytest.raises(ManifestError) as caught:
        read_dataset(KNOWN, path)
    line = path.read_text().split('"x_0"')[0].count("\n") + 1
    assert f"celebvhq_info.json, line {line}, clip x_0, {message}" in str(caught.value)
    result = read_dataset(KNOWN, path, skip_errors=True)
    assert len(result.rows) == 2
    assert result.errors


def test_repeated_keys_and_invalid_json_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "celebvhq_info.json"
    path.write_text('{"clips": {\n"a_0": {},\n"a_0": {}}}')
    with pytest.raises(ManifestError, match="line 2: key 'a_0' is repeated"):
        read_dataset(KNOWN, path)
    path.write_text('{"clips":\n {"a_0": ')
    with pytest.raises(ManifestError, match="line 2: not JSON"):
        read_dataset(KNOWN, path)
    path.write_text('{"clip": 1}')
    with pytest.raises(ManifestError, match="clips: found 'NoneType'; expected an object"):
        read_dataset(KNOWN, path)
