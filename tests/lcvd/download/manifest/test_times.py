"""Times of manifests as native frames, against manual arithmetic and the key frames of a file."""

from decimal import Decimal
from pathlib import Path

import av
import numpy as np
import pytest

from lcvd.download.manifest.times import Time, frame_range, parse_time
from lcvd.video.encode import write_h264
from lcvd.video.probe import probe

NTSC = 30000 / 1001
KEYS = ((0, 0.0), (100, 4.0), (250, 10.0))


@pytest.mark.parametrize(("text", "unit", "value"), [
    ("12.48", "seconds", "12.48"), ("frame:312", "frame", "312"), ("frame:312@29.97", "frame@29.97", "312"),
    ("key:120+31", "key:120", "31"),
])  # fmt: skip
def test_notations(text: str, unit: str, value: str) -> None:
    assert parse_time(text) == Time(unit, Decimal(value))


@pytest.mark.parametrize(
    "text", ["", "-1", "1e3", "frame:1.5", "frame:1@0", "frame:@25", "key:1", "key:+1", "1:30", " 1"]
)
def test_other_notations_are_rejected(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(("text", "fps", "frame"), [
    ("frame:1538@25", 25.0, 1538),
    ("frame:100000@29.97", NTSC, 100000),  # the annotation rounds the rate; by time it would be frame 100000.1
    ("frame:100000@23.98", 24000 / 1001, 100000),  # by time, frame 99983
    ("frame:100@25", 50.0, 200),  # the same video with twice the frames
    ("frame:1000@30", NTSC, 999),  # another rate: 33.333 s
    ("81.62", 25.0, 2041),  # 2040.5 frames
    ("key:4+31", 25.0, 131),
    ("key:4.1+0", 25.0, 250),
])  # fmt: skip
def test_frames(text: str, fps: float, frame: int) -> None:
    time = parse_time(text)
    assert time is not None
    assert time.frame(fps, KEYS) == frame


def test_a_missing_key_frame() -> None:
    with pytest.raises(
        ValueError, match="is not within the media .300 frames, 12.00 s.: no key frame at or after 11 s"
    ):
        frame_range("key:11+0", "", 300, 25.0, KEYS)
    with pytest.raises(ValueError, match="is not within the media"):
        frame_range("key:10+40", "key:10+51", 300, 25.0, KEYS)
    assert frame_range("key:10+40", "key:10+50", 300, 25.0, KEYS) == (290, 300)


def test_key_frames_match_the_packets_of_the_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (61, 64, 64, 3), dtype=np.uint8)
    write_h264(tmp_path / "a.mp4", [noise], fps=20, gop=25)
    with av.open(str(tmp_path / "a.mp4")) as file:
        expected = [i for i, frame in enumerate(file.decode(video=0)) if frame.key_frame]
    assert len(expected) == 3
    assert [index for index, _ in probe(tmp_path / "a.mp4").keys] == expected
    assert [seconds for _, seconds in probe(tmp_path / "a.mp4").keys] == pytest.approx(
        [index / 20 for index in expected]
    )
