"""Entries in the format of ffhq-dataset-v2.json, and lists of images."""

import json
from pathlib import Path
from typing import Any

import pytest

from lcvd.download.datasets.registry import DATASETS, read_dataset
from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest

KNOWN = DATASETS.get("ffhq")
URL = "https://drive.google.com/uc?id=1xJYS4u3p0wMmDtvE13fOkxFaUGBoH42V"
MD5 = "ddeaeea6ce59569643715759d537fd1b"
ITEM: dict[str, Any] = {
    "category": "training",
    "metadata": {"photo_url": "https://www.flickr.com/photos/x", "license": "Attribution-NonCommercial License"},
    "image": {"file_url": URL, "file_path": "images1024x1024/00000/00000.png", "file_md5": MD5,
              "face_landmarks": [[131.62, 453.8]]},
}  # fmt: skip


def write(folder: Path, **items: Any) -> Path:
    (folder / "ffhq-dataset-v2.json").write_text(json.dumps(items, indent=1))
    return folder


def test_an_image_becomes_a_row(tmp_path: Path) -> None:
    result = read_dataset(KNOWN, write(tmp_path, **{"0": ITEM, "12": ITEM}))
    assert [row["id"] for row in result.rows] == ["ffhq-00000", "ffhq-00012"]
    write_manifest(tmp_path / "m.csv", result.rows)
    source = read_manifests(tmp_path)[0]
    assert (source.address, source.licence) == (f"{URL}#md5={MD5}", "Attribution-NonCommercial License")


def test_a_list_becomes_rows_with_local_addresses(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("images1024x1024/00000/00000.png\n\n00012.png\n")
    rows = read_dataset(KNOWN, tmp_path / "list.txt").rows
    assert [(row["id"], row["address"]) for row in rows] == [
        ("ffhq-00000", "local:images1024x1024/00000/00000.png"),
        ("ffhq-00012", "local:00012.png"),
    ]
    (tmp_path / "list.txt").write_text("00012.png\n/etc/0.png\nface.png\n")
    with pytest.raises(ManifestError, match=r"list.txt, line 2, image: found '/etc/0.png'(.|\n)*line 3, image"):
        read_dataset(KNOWN, tmp_path / "list.txt")


@pytest.mark.parametrize(("group", "name", "value", "message"), [
    ("image", "file_url", "drive.google.com", "image 0, image.file_url: found 'drive.google.com'; expected an https address"),
    ("image", "file_md5", "abc", "image 0, image.file_md5: found 'abc'"),
    ("metadata", "license", "=1+1", "image 0, metadata.license: found '=1+1'; expected the photograph's licence"),
    ("metadata", "license", None, "image 0, metadata.license: found None"),
])  # fmt: skip
def test_errors_name_file_line_and_field(tmp_path: Path, group: str, name: str, value: Any, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_dataset(KNOWN, write(tmp_path, **{"0": ITEM | {group: ITEM[group] | {name: value}}}))
    assert f"ffhq-dataset-v2.json, line 2, {message}" in str(caught.value)
