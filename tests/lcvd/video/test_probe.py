"""What a file holds, told by its content; every kind of bad file by its reason."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.encode import write_h264, write_lossless
from lcvd.video.probe import probe


def test_probe_of_a_whole_file(movie) -> None:
    found = probe(movie[0], window=40)
    assert (found.frames, found.fps, found.width, found.height, found.suffix) == (90, 25.0, 98, 66, "mp4")


def test_rotated_phone_video_stands_upright(movie, tmp_path: Path) -> None:
    path, truth = movie
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # a version 0 track header's display matrix
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 66 << 16, 0, 1 << 30)
    (tmp_path / "phone.mp4").write_bytes(data)
    found = probe(tmp_path / "phone.mp4")
    phone = Clip("a", "a", tmp_path / "phone.mp4", "", 0, 90, 25.0, 66, 98, None, "", "")
    assert (found.width, found.height) == (66, 98)
    np.testing.assert_array_equal(read(phone, [3])[0], np.rot90(truth[3], -1))


def test_container_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mp4", [np.zeros((4, 64, 64, 3), np.uint8)], fps=25)
    assert probe(tmp_path / "a.mp4").suffix == "mkv"


def reason_of(path: Path) -> str:
    with pytest.raises(ClipError) as caught:
        probe(path)
    assert caught.value.detail.startswith(path.name)
    assert str(path.parent) not in caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"just some words\n", "not_a_video"),
        (b"<!DOCTYPE html><html></html>", "not_a_video"),
        (b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1/secret.ts\n", "not_a_video"),
        (bytes(range(256)) * 64, "not_a_video"),
    ],
)
def test_files_that_are_no_video(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    assert reason_of(tmp_path / "clip.mp4") == reason


def test_missing_file(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "gone.mp4") == "missing_file"


def test_still_picture_is_no_video(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    assert reason_of(tmp_path / "a.mp4") == "not_a_video"


def test_a_width_that_decord_mangles_is_said(tmp_path: Path) -> None:
    write_h264(tmp_path / "a.mp4", [np.zeros((4, 64, 48, 3), np.uint8)], fps=25)
    assert reason_of(tmp_path / "a.mp4") == "too_small"


def test_a_picture_larger_than_any_camera_s_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 8190, 4098, "yuv420p"
        frame = av.VideoFrame(8190, 4098, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    assert (tmp_path / "a.mp4").stat().st_size < 1_000_000  # 100 MB of pixels
    assert reason_of(tmp_path / "a.mp4") == "too_large"


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        sound.rate, sound.pts, sound.time_base = 16000, 0, Fraction(1, 16000)
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    assert reason_of(path) == "no_video_stream"


@pytest.mark.parametrize("kind", ["index in front", "index at the end", "matroska"])
def test_cut_off_files(movie, tmp_path: Path, kind: str) -> None:
    path, truth = movie
    if kind == "matroska":
        path = tmp_path / "whole.mkv"
        write_lossless(path, [truth], fps=25)
    elif kind == "index at the end":
        path = tmp_path / "whole.mp4"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 98, 66, "yuv420p"
            for frame in truth:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode())
    probe(path)
    data = path.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    assert reason_of(tmp_path / "cut.mp4") == "truncated"
