"""Encoders against the arrays that went in: exact where lossless, close where not, the same bytes every time."""

import time
from pathlib import Path

import av
import numpy as np
import pytest

from lcvd.video.decode import decode_bytes
from lcvd.video.encode import read_lossless, write_browser, write_h264, write_lossless
from lcvd.video.probe import probe


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(frames: int = 12, height: int = 66, width: int = 98) -> np.ndarray:
    """Saturated colours that change slowly over the picture and over time."""
    t, y, x = np.meshgrid(np.arange(frames) / 12, np.arange(height) / 66, np.arange(width) / 98, indexing="ij")
    colours = np.stack([np.sin(3 * x + t), np.sin(4 * y - t), np.cos(3 * x * y)], axis=-1)
    return np.rint(127.5 + 127.5 * colours).astype(np.uint8)


@pytest.mark.parametrize("shape", [(70, 65, 97), (70, 65, 97, 3), (3, 7, 5, 3), (3, 64, 64)])
def test_lossless_returns_every_pixel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    frames = noise(*shape)
    count = write_lossless(tmp_path / "a.mkv", [frames[:2], frames[2:]], fps=30000 / 1001)
    assert count == len(frames)
    np.testing.assert_array_equal(read_lossless(tmp_path / "a.mkv"), frames)
    data = (tmp_path / "a.mkv").read_bytes()
    np.testing.assert_array_equal(read_lossless(data, [2, 0, 0]), frames[[2, 0, 0]])
    assert not list(tmp_path.glob(".*"))


def test_lossless_index_beyond_the_end_is_named(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", [noise(4, 8, 8)], fps=25)
    with pytest.raises(IndexError, match=r"a\.mkv: frame 4 doesn.t exist, it has 4"):
        read_lossless(tmp_path / "a.mkv", [1, 4])


@pytest.mark.parametrize("write", [write_lossless, write_h264, write_browser])
def test_equal_frames_give_equal_bytes_whatever_the_time_name_and_windows(tmp_path: Path, write) -> None:
    frames = noise(40, 34, 50, 3)
    write(tmp_path / "one", [frames], fps=25)
    time.sleep(1.1)  # a date in a header would have a resolution of a second
    write(tmp_path / "another", [frames[:7], frames[7:]], fps=25)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "another").read_bytes()


def test_small_frames_give_equal_bytes_whatever_lies_beside_them_in_memory(tmp_path: Path) -> None:
    """x264's macroblock tree failed here: of 30 files of one video, several differed."""
    frames = smooth(frames=5, height=64, width=64)
    rng, files = np.random.default_rng(0), set()
    for number in range(30):
        kept = [np.full(rng.integers(1_000, 300_000), number, np.uint8) for _ in range(20)]
        write_browser(tmp_path / "a.mp4", [frames], fps=25)
        files.add((tmp_path / "a.mp4").read_bytes())
        assert len(kept) == 20
    assert len(files) == 1


def test_h264_444_keeps_colours(tmp_path: Path) -> None:
    frames = smooth()
    write_h264(tmp_path / "a.mp4", [frames], fps=25, crf=4)
    again = decode_bytes((tmp_path / "a.mp4").read_bytes())
    error = np.abs(again.astype(int) - frames)
    assert error.mean() < 1.0
    assert np.abs((again.astype(float) - frames).mean(axis=(0, 1, 2))).max() < 0.6  # a wrong matrix shifts colours by 3
    picked = decode_bytes((tmp_path / "a.mp4").read_bytes(), [9, 2])
    np.testing.assert_array_equal(picked, again[[9, 2]])


def test_h264_keeps_odd_sizes_and_says_what_its_colours_mean(tmp_path: Path) -> None:
    write_h264(tmp_path / "a.mp4", [noise(5, 65, 97, 3)], fps=29.97)
    found = probe(tmp_path / "a.mp4")
    assert (found.frames, found.width, found.height) == (5, 97, 65)
    with av.open(str(tmp_path / "a.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv444p", 1, 1)


def test_browser_variant_is_even_420_with_the_index_in_front(tmp_path: Path) -> None:
    write_browser(tmp_path / "a.mp4", [noise(5, 65, 97, 3)], fps=25)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.pix_fmt, context.width, context.height) == ("yuv420p", 98, 66)


def test_a_failing_source_leaves_no_file_and_no_half_file(tmp_path: Path) -> None:
    def windows():
        yield noise(4, 16, 16)
        raise RuntimeError("the source broke")

    write_lossless(tmp_path / "a.mkv", [noise(2, 16, 16)], fps=25)
    before = (tmp_path / "a.mkv").read_bytes()
    with pytest.raises(RuntimeError, match="the source broke"):
        write_lossless(tmp_path / "a.mkv", windows(), fps=25)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]
    assert (tmp_path / "a.mkv").read_bytes() == before


@pytest.mark.parametrize("windows", [[], [np.zeros((0, 8, 8), np.uint8)]])
def test_no_frames_is_an_error(tmp_path: Path, windows: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"a\.mkv: no frames"):
        write_lossless(tmp_path / "a.mkv", windows, fps=25)


@pytest.mark.parametrize("second", [np.zeros((2, 9, 8), np.uint8), np.zeros((2, 8, 8), np.float32)])
def test_windows_that_dont_fit_together_are_named(tmp_path: Path, second: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        write_lossless(tmp_path / "a.mkv", [np.zeros((2, 8, 8), np.uint8), second], fps=25)
