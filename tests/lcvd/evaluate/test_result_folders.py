import numpy as np
import pytest
from PIL import Image

from lcvd.evaluate.result_folders import ExpectedVideo, check_folder, find_result, read_result
from lcvd.video.encode import write_lossless

FRAMES = np.random.default_rng(0).integers(0, 255, (11, 16, 16, 3), np.uint8)


def pictures(folder, frames):
    folder.mkdir(parents=True)
    for t, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{t:06}.png")


def test_a_video_and_a_folder_of_pictures_hold_the_same(tmp_path):
    write_lossless(tmp_path / "a" / "left.mkv", [FRAMES], 25)
    pictures(tmp_path / "a" / "top", FRAMES)
    for light in ("left", "top"):
        windows = list(read_result(find_result(tmp_path, "a", light)))
        assert max(len(window) for window in windows) == 8
        np.testing.assert_array_equal(np.concatenate(windows), FRAMES)


def test_a_folder_that_fits_has_no_problem_and_each_fault_is_named(tmp_path):
    write_lossless(tmp_path / "a" / "left.mkv", [FRAMES], 25)
    pictures(tmp_path / "a" / "top", FRAMES[:5])
    write_lossless(tmp_path / "b" / "left.mkv", [FRAMES[:, :8]], 25)
    (tmp_path / "b" / "top.mp4").write_bytes(b"no video")
    (tmp_path / "c" / "left").mkdir(parents=True)
    write_lossless(tmp_path / "c" / "top.mkv", [np.concatenate([FRAMES, FRAMES])], 25)
    wanted = [ExpectedVideo(clip, light, 11, 16) for clip in "abcd" for light in ("left", "top")]
    assert check_folder(tmp_path, wanted[:1]) == []
    found = "\n".join(check_folder(tmp_path, wanted))
    for said in (
        "a/top: too short: 5 frames, expected 11",
        "b/left.mkv: 16x8 px, expected 16x16 px",
        "b/top.mp4: no video",
        "c/left: has no frame",
        "c/top.mkv: too long: 22 frames, expected 11",
        "d/left: missing",
        "d/top: missing",
    ):
        assert said in found, (said, found)
    assert len(check_folder(tmp_path, wanted)) == 7
    assert check_folder(tmp_path / "nowhere", wanted) == [f"{tmp_path / 'nowhere'}: no such folder"]


def test_two_results_for_one_video_are_refused(tmp_path):
    for ending in ("mkv", "avi"):
        write_lossless(tmp_path / "a" / f"left.{ending}", [FRAMES], 25)
    with pytest.raises(ValueError, match="several results, left.mkv, left.avi"):
        find_result(tmp_path, "a", "left")
    assert "several results" in check_folder(tmp_path, [ExpectedVideo("a", "left", 11, 16)])[0]


def test_pictures_of_two_sizes_are_refused(tmp_path):
    pictures(tmp_path / "a", [FRAMES[0], FRAMES[1, :8]])
    with pytest.raises(ValueError, match="frames of 16x16 px and of 16x8 px"):
        list(read_result(tmp_path / "a"))
