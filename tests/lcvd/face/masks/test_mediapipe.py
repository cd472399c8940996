import cv2
import numpy as np
import pytest

from lcvd.face.masks.mediapipe import MediaPipeClipMasker, Steady, clean
from lcvd.video.clip import Clip
from lcvd.video.decode import read


def test_holes_are_filled_specks_dropped_and_the_body_may_leave_at_the_bottom():
    mask = np.zeros((60, 60), bool)
    mask[10:60, 20:40] = True
    mask[20:25, 25:30] = False
    mask[50:60, 28:32] = False  # a gap that is open to the bottom border only
    mask[2:3, 2:4] = True
    cleaned = clean(mask) > 0
    assert cleaned[20:25, 25:30].all()
    assert cleaned[50:60, 28:32].all()
    assert not cleaned[:10].any()
    assert set(np.unique(clean(mask))) <= {0, 255}
    assert not clean(np.zeros((8, 8), bool)).any()


@pytest.mark.parametrize("name", ["lp_d10_woman_talk_greywall", "lcvd_wda_dingell"])
def test_a_person_fills_a_sensible_part_and_edges_are_steady(clips_dir, name):
    path = clips_dir / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} isn't among the clips")
    clip = Clip("a", "a", path, "", 0, 60, 25.0, 512, 512, None, "", "")
    masker = MediaPipeClipMasker()
    masks = masker.update(read(clip, range(30, 40))[:, ::2, ::2])
    masker.close()
    side = masks.shape[1]
    assert 0.2 < (masks > 0).mean() < 0.9
    assert (masks[:, side // 2, side // 2] == 255).all()
    assert (masks[:, 0, 0] == 0).all()
    assert np.abs(np.diff((masks > 0).astype(int), axis=0)).mean() < 0.02


def noisy_edge(frames: int, speed: int) -> tuple[np.ndarray, np.ndarray]:
    """Soft masks and pictures of a square that moves `speed` px a frame, with an edge that the network is unsure of."""
    rng = np.random.default_rng(0)
    soft = np.zeros((frames, 64, 64), np.float32)
    pictures = np.full((frames, 64, 64, 3), 40, np.uint8)
    for t in range(frames):
        left = 10 + speed * t
        soft[t, 20:50, left : left + 20] = 1
        pictures[t, 20:50, left : left + 20] = 200
    soft = np.stack([cv2.GaussianBlur(part, (0, 0), 2) for part in soft])
    return soft + rng.normal(0, 0.05, soft.shape).astype(np.float32), pictures


def test_edges_of_what_stands_still_stop_flickering():
    soft, pictures = noisy_edge(30, 0)
    steady = Steady()
    sides = np.stack([steady.update(*pair) for pair in zip(soft, pictures, strict=True)])
    flips, before = (np.abs(np.diff(part.astype(int), axis=0)).mean() for part in (sides, soft > 0.5))
    assert flips < before / 5


def test_what_moves_is_not_dragged_along():
    soft, pictures = noisy_edge(8, 4)
    steady = Steady()
    sides = np.stack([steady.update(*pair) for pair in zip(soft, pictures, strict=True)])
    truth = pictures[..., 0] > 100
    assert (sides[1:] != truth[1:]).mean() < 0.01


def test_windows_make_no_difference(clips_dir):
    path = clips_dir / "lp_d10_woman_talk_greywall.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} isn't among the clips")
    pictures = read(Clip("a", "a", path, "", 0, 60, 25.0, 512, 512, None, "", ""), range(12))[:, ::2, ::2]
    found = []
    for cuts in ([12], [5, 9, 12]):
        masker, start, parts = MediaPipeClipMasker(), 0, []
        for stop in cuts:
            parts.append(masker.update(pictures[start:stop]))
            start = stop
        masker.close()
        found.append(np.concatenate(parts))
    np.testing.assert_array_equal(*found)
