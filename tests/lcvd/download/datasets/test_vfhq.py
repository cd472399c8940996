"""Clip files in the format of VFHQ's meta_info."""

import zipfile
from pathlib import Path

import pytest

from lcvd.download.datasets.registry import DATASETS, read_dataset
from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest

KNOWN = DATASETS.get("vfhq")
NAME = "Clip+_-91nXXjrVo+P0+C0+F1537-1825.txt"
TEXT = "H 1080\nW 1920\nFPS 29.97\nCROP 631 52 1231 652\n"


def write(folder: Path, text: str = TEXT, name: str = NAME) -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_clip_file_becomes_a_row(tmp_path: Path) -> None:
    result = read_dataset(KNOWN, write(tmp_path))
    assert result.rows == [
        {
            "id": "vfhq-_-91nXXjrVo-P0-C0-F1537-1825",
            "identity": "youtube:_-91nXXjrVo",
            "address": "youtube:_-91nXXjrVo",
            "start": "frame:1538@29.97",
            "end": "frame:1825@29.97",
            "crop": "631 52 1231 652 of 1920x1080",
            "licence": KNOWN.licence,
            "dataset": "vfhq",
        }
    ]
    write_manifest(tmp_path / "m.csv", result.rows)
    source = read_manifests(tmp_path)[0]
    # As published: frames 1537 + 1 to 1825 - 1 inclusive, and pixels x0 to x1.
    assert list(range(*source.frame_range(2000, 30000 / 1001))) == list(range(1538, 1824 + 1))
    assert source.crop is not None
    assert source.crop.pixels(1920, 1080) == (631, 52, 1231, 652)
    assert source.crop.pixels(1280, 720) == (421, 35, 821, 435)


@pytest.mark.parametrize("text", [
    "H: 1080\nW: 1920\nFPS: 29.97\nCROP: 631 52 1231 652\n", "CROP: 631, 52, 1231, 652\r\nFPS 29.97\r\nW 1920\r\nH 1080\r\n",
    "NAME x\nHEIGHT 1080\nWIDTH 1920\nFPS 29.97\nLANDMARKS 1 2 3\nCROP BOX 631 52 1231 652",
])  # fmt: skip
def test_format_variants(tmp_path: Path, text: str) -> None:
    assert read_dataset(KNOWN, write(tmp_path, text)).rows == read_dataset(KNOWN, write(tmp_path)).rows


def test_the_zip_is_read_directly(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "meta_info.zip", "w") as archive:
        archive.writestr(f"meta_info/{NAME}", TEXT)
        archive.writestr("meta_info/README", "")
    assert len(read_dataset(KNOWN, tmp_path / "meta_info.zip").rows) == 1
    assert len(read_dataset(KNOWN, tmp_path).rows) == 1
    with zipfile.ZipFile(tmp_path / "meta_info.zip", "a") as archive:
        archive.writestr(f"again/{NAME}", TEXT)
    with pytest.raises(ManifestError, match="expected unique clips"):
        read_dataset(KNOWN, tmp_path)


@pytest.mark.parametrize(("text", "name", "message"), [
    (TEXT.replace("FPS 29.97\n", ""), NAME, f"{NAME}, FPS: found None; expected one frame rate"),
    (TEXT.replace("29.97", "0"), NAME, f"{NAME}, line 3, FPS: found '0'; expected one frame rate"),
    (TEXT.replace("1231", "1921"), NAME, "line 4, CROP: found '631 52 1921 652'; expected a box within the 1920x1080 frame"),
    (TEXT.replace("631 52", "631 -52"), NAME, "line 4, CROP: found '631 -52 1231 652'; expected x0 y0 x1 y1 in pixels"),
    (TEXT.replace("W 1920", "W wide"), NAME, "line 2, W: found None"),
    (TEXT, "Clip+_-91nXXjrVo+P0+C0+F1537-1538.txt", "frames in the name: found '1537-1538'; expected at least one"),
    (TEXT, "Clip+=cmd+P0+C0+F1-9.txt", "name: found 'Clip+=cmd+P0+C0+F1-9.txt'; expected Clip+<video>"),
])  # fmt: skip
def test_errors_name_file_line_and_field(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_dataset(KNOWN, write(tmp_path, text, name))
    assert message in str(caught.value)
    assert read_dataset(KNOWN, tmp_path, skip_errors=True).rows == []


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no Clip\+\*\.txt found"):
        read_dataset(KNOWN, tmp_path)
