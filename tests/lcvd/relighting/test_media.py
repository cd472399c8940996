"""Files, folders, pictures and arrays all become clips that show what they hold."""

import numpy as np
import pytest
from PIL import Image

from lcvd.errors import UsageError
from lcvd.ledger.rows import ClipError
from lcvd.relighting.media import SETTLING, media_of
from lcvd.video.decode import read
from lcvd.video.encode import write_h264

RAMP = np.stack(np.broadcast_arrays(np.arange(96)[None] * 2, np.arange(80)[:, None] * 3, 90), -1).astype(np.uint8)


def test_a_picture_an_image_and_an_array_are_the_same_still(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "ramp.png")
    found = [media_of(given, tmp_path) for given in (tmp_path / "ramp.png", Image.fromarray(RAMP), RAMP)]
    for media in found:
        assert media.still
        assert media.clip.frames == SETTLING
        shown = read(media.clip, [0])[0]
        assert np.abs(shown.astype(int) - RAMP).max() <= 3  # YUV rounds
    assert found[1].sha256 == found[2].sha256
    assert found[0].name == "ramp.png"


def test_a_cameras_note_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.fromarray(RAMP).save(tmp_path / "side.png", exif=exif)
    media = media_of(tmp_path / "side.png", tmp_path)
    assert (media.clip.width, media.clip.height) == (80, 96)


def test_a_folder_is_a_clip_in_the_order_of_its_names(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (10, 2, 1):
        Image.new("RGB", (64, 64), (number * 20, 0, 0)).save(folder / f"{number:03}.png")
    (folder / "notes.txt").write_text("no picture")
    media = media_of(folder, tmp_path)
    assert not media.still
    assert media.clip.frames == 3
    assert [round(int(frame[..., 0].mean()) / 20) for frame in read(media.clip, [0, 1, 2])] == [1, 2, 10]
    Image.new("RGB", (64, 62)).save(folder / "011.png")
    with pytest.raises(ClipError, match=r"011\.png: 64x62 px, but the folder's first image has 64x64"):
        media_of(folder, tmp_path)


def test_a_part_of_a_clip_is_cut_by_seconds(tmp_path):
    write_h264(tmp_path / "clip.mp4", [np.full((1, 64, 64, 3), 10 * t, np.uint8) for t in range(20)], 10.0)
    media = media_of(tmp_path / "clip.mp4", tmp_path)
    part = media.between(0.5, 1.2)
    assert (part.clip.start, part.clip.stop) == (5, 12)
    assert part.beginning(3).clip.frames == 3
    assert media.between(1.5, 9).clip.frames == 5
    with pytest.raises(ValueError, match="clip.mp4: start is 2 s, but the clip is 2.00 s long"):
        media.between(2)
    with pytest.raises(ValueError, match="no frame between 0.5 and 0.51 s"):
        media.between(0.5, 0.51)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("nothing.png", ClipError, "nothing.png: no such file"),
        (np.zeros((4, 4), np.uint8), ValueError, r"\(4, 4\)"),
        (np.zeros((64, 64, 3)), ValueError, "float64"),
        (3, UsageError, "not int"),
    ],
)
def test_what_is_no_picture_is_said(tmp_path, given, error, words):
    with pytest.raises(error, match=words):
        media_of(given, tmp_path)
