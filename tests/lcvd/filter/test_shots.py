"""Shot boundaries are found where two real scenes are joined, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest

from lcvd.filter.shots import ShotDetector, longest_shot
from lcvd.video.decode import decode_bytes


def cuts(*windows: np.ndarray) -> list[int]:
    detector = ShotDetector(25.0, 27.0)
    for window in windows:
        detector.update(window)
    return detector.finish()


def test_cuts_do_not_depend_on_the_windows() -> None:
    y, x = np.mgrid[:72, :96]

    def scene(a: int, b: int) -> np.ndarray:
        return np.stack([(x * a) % 256, (y * b) % 256, (x + y) % 256], -1).astype(np.uint8)

    frames = np.stack([scene(1, 1)] * 12 + [255 - scene(2, 3)] * 20 + [scene(1, 1)] * 9)
    assert cuts(frames) == cuts(frames[:12], frames[12:13], frames[13:]) == [12, 32]


def test_one_real_scene_has_no_cut_and_two_have_one(carphone: np.ndarray, clips_dir: Path) -> None:
    other = decode_bytes((clips_dir / "lp_d10_woman_talk_greywall.mp4").read_bytes(), range(0, 60, 2))
    assert cuts(carphone) == []
    assert cuts(other) == []
    crop = other[:, 100:244, 100:276]
    assert cuts(carphone[:17], crop) == [17]


@pytest.mark.parametrize(
    ("frames", "found", "span"),
    [(10, [], (0, 10)), (32, [12], (12, 32)), (30, [10, 20], (0, 10)), (30, [10, 25], (10, 25))],
)
def test_the_longest_shot_is_the_first_of_equally_long_ones(
    frames: int, found: list[int], span: tuple[int, int]
) -> None:
    assert longest_shot(frames, found) == span
