"""Lines in the format of HDTF's text files, with the irregularities of the published ones: order, blanks, gaps, a
height of 0."""

from pathlib import Path

import pytest

from lcvd.download.datasets.registry import DATASETS, read_dataset
from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest

KNOWN = DATASETS.get("hdtf")
FILES = {
    "WDA_video_url.txt": "AmyHill1 https://www.youtube.com/watch?v=EyHSdWDYm1M\n"
    "AmyHill0 https://www.youtube.com/watch?v=gh3YqnvNdio&t=5s\nWhipAmy https://www.youtube.com/watch?v=gh3YqnvNdio\n"
    "NoTimes https://www.youtube.com/watch?v=aaaaaaaaaaa\nNoHeight https://www.youtube.com/watch?v=bbbbbbbbbbb\n",
    "WDA_annotion_time.txt": "AmyHill0.mp4 00:10-04:30\nAmyHill1.mp4 00:35-02:45 03:25-04:00 01:00:05-01:00:10 \n"
    "WhipAmy.mp4 00:05-04:40\nNoHeight.mp4 00:05-00:10\nNoAddress.mp4 00:05-00:10\n",
    "WDA_crop_wh.txt": "AmyHill1_0.mp4 487 1005 0 1005\nAmyHill1_2.mp4 507 905 0 905\nAmyHill0_0.mp4 399 497 14 497\n"
    "WhipAmy_0.mp4 583 791 0 791\nNoHeight_0.mp4 1 2 3 4\n",
    "WDA_resolution.txt": "AmyHill0.mp4 720\nAmyHill1.mp4 1080\nWhipAmy.mp4 1080\nNoHeight.mp4 0\nNoAddress.mp4 720\n",
}


def write(folder: Path, **changes: str) -> Path:
    for name, text in FILES.items():
        kind = name.removeprefix("WDA_").removesuffix(".txt")
        (folder / name).write_text(text + changes.get(kind, ""))
    return folder


def test_clips_become_rows_and_gaps_are_reported(tmp_path: Path) -> None:
    result = read_dataset(KNOWN, write(tmp_path))
    rows = {row["id"].removeprefix("hdtf-WDA-"): row for row in result.rows}
    found = {id: (row["start"], row["end"], row["crop"]) for id, row in rows.items()}
    assert found == {
        "AmyHill0_0": ("10", "270", "399 14 896 511 of x720"),
        "AmyHill1_0": ("35", "165", "487 0 1492 1005 of x1080"),
        "AmyHill1_2": ("3605", "3610", "507 0 1412 905 of x1080"),
        "WhipAmy_0": ("5", "280", "583 0 1374 791 of x1080"),
    }
    assert result.omitted == [
        "WDA_AmyHill1_1: no box",
        "WDA_NoAddress: no address",
        "WDA_NoHeight: no frame height",
        "WDA_NoTimes: no times and no frame height",
    ]
    assert rows["AmyHill0_0"]["address"] == rows["WhipAmy_0"]["address"] == "youtube:gh3YqnvNdio"  # downloaded once
    assert {row["identity"] for row in result.rows} == {"hdtf:AmyHill"}
    write_manifest(tmp_path / "hdtf.csv", result.rows)
    source = read_manifests(tmp_path)[1]
    assert source.crop is not None
    assert source.crop.pixels(1280, 720) == (325, 0, 995, 670)  # 324.67, 994.67, 670: the video at a smaller size
    assert source.frame_range(9000, 25.0) == (875, 4125)


def test_radio_is_one_identity(tmp_path: Path) -> None:
    """The speaker is unknown, and no person may be in two splits."""
    for kind, text in {
        "video_url": "Radio1 https://www.youtube.com/watch?v=CPCoMyuBRM0\nRadio11 https://www.youtube.com/watch?v=XtySvTwIOfw",
        "annotion_time": "Radio1.mp4 00:20-01:35\nRadio11.mp4 00:30-01:00 01:30-02:30",
        "crop_wh": "Radio11_0.mp4 412 599 0 599\nRadio11_1.mp4 557 478 0 478\nRadio1_0.mp4 466 535 0 535",
        "resolution": "Radio1.mp4 720\nRadio11.mp4 720",
    }.items():
        (tmp_path / f"RD_{kind}.txt").write_text(text)
    rows = read_dataset(KNOWN, tmp_path).rows
    assert [row["id"] for row in rows] == ["hdtf-RD-Radio1_0", "hdtf-RD-Radio11_0", "hdtf-RD-Radio11_1"]
    assert {row["identity"] for row in rows} == {"hdtf:Radio"}


@pytest.mark.parametrize(("kind", "line", "message"), [
    ("video_url", "Bob file:///etc/passwd\n", "WDA_video_url.txt, line 6, address of Bob: found 'file:///etc/passwd'"),
    ("video_url", "AmyHill1 https://x.test\n", "line 6, name: found 'AmyHill1'; expected unique names; line 1 has it too"),
    ("video_url", "=cmd https://x.test\n", "line 6, name: found '=cmd'; expected letters"),
    ("annotion_time", "WhipAmy2.mp4 00:50\n", "WDA_annotion_time.txt, line 6, clip 0 of WhipAmy2: found '00:50'"),
    ("annotion_time", "WhipAmy2.mp4 00:50-00:50\n", "clip 0 of WhipAmy2: found '00:50-00:50'; expected mm:ss-mm:ss, in order"),
    ("annotion_time", "Bob.mp4\n", "line 6, values of Bob.mp4: found ''; expected at least one value"),
    ("crop_wh", "WhipAmy2_0.mp4 1 2 3\n", "WDA_crop_wh.txt, line 6, box of WhipAmy2_0: found '1 2 3'"),
    ("crop_wh", "WhipAmy2_0.mp4 1 900 200 900\n", "found '1 900 200 900'; expected left, width, top, height within a frame of height 1080"),
    ("crop_wh", "WhipAmy2_0.mp4 1 0 2 0\n", "found '1 0 2 0'"),
    ("resolution", "WhipAmy2.mp4 1080p\n", "WDA_resolution.txt, line 6, height of WhipAmy2: found '1080p'"),
])  # fmt: skip
def test_errors_name_file_line_and_field(tmp_path: Path, kind: str, line: str, message: str) -> None:
    rest = {
        "video_url": "WhipAmy2 https://www.youtube.com/watch?v=ccccccccccc\n",
        "annotion_time": "WhipAmy2.mp4 00:05-00:10\n",
        "crop_wh": "WhipAmy2_0.mp4 1 2 3 4\n",
        "resolution": "WhipAmy2.mp4 1080\n",
    }
    bob = {"annotion_time": "Bob.mp4 00:05-00:10\n", "resolution": "Bob.mp4 720\n"} if "Bob file" in line else {}
    write(tmp_path, **(bob | {kind: line} if "WhipAmy2" not in line else rest | {kind: line}))
    with pytest.raises(ManifestError) as caught:
        read_dataset(KNOWN, tmp_path)
    assert message in str(caught.value)


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    (write(tmp_path) / "WDA_crop_wh.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"WDA_crop_wh\.txt missing"):
        read_dataset(KNOWN, tmp_path)


def test_every_file_is_fetched_at_a_fixed_commit() -> None:
    assert len(KNOWN.annotations) == 12
    assert len({annotation.url for annotation in KNOWN.annotations}) == 12
    assert all(annotation.url.endswith(f"/HDTF_dataset/{annotation.file}") for annotation in KNOWN.annotations)
