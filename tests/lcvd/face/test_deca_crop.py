import sys
from pathlib import Path

import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.deca_crop import LIKE_68, FaceAlignment, box_of, box_of_image, crops_of, warp
from lcvd.face.track import Tracker
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.probe import probe


def picture(height: int, width: int, seed: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack(
        [
            (2 * x + 3 * y + 11 * seed) % 256,
            (128 + 127 * np.sin(x / 17 + seed) * np.cos(y / 23)).astype(int),
            (x // 8 + y // 8) % 2 * 200 + 20,
        ],
        -1,
    ).astype(np.uint8)


@pytest.mark.golden
def test_golden_deca_crop(golden_dir: Path) -> None:
    with np.load(golden_dir / "deca_crop.npz") as file:
        stored = dict(file)
    cases = [key[:-3] for key in stored if key.endswith("_hw")]
    assert cases
    for case in cases:
        height, width = (int(n) for n in stored[f"{case}_hw"])
        seen = bool(stored[f"{case}_flag"])
        landmarks = stored[f"{case}_landmarks"] if seen else np.zeros((68, 2), np.float32)
        centre, size = box_of(landmarks) if seen else box_of_image(height, width)
        assert size == int(stored[f"{case}_size"]), case
        np.testing.assert_allclose(centre, stored[f"{case}_center"], atol=1e-4)
        (tform,) = crops_of(landmarks[None], np.array([seen]), height, width)
        np.testing.assert_allclose(tform, stored[f"{case}_tform"], atol=2e-4)
        image = picture(height, width, int(stored["seed"]))
        crop = 255 * warp(image[None], tform[None])[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(crop[::6, ::6], stored[f"{case}_crop_sub"], atol=0.02, err_msg=case)
        rows = crop[[0, 1, 111, 222, 223]]
        np.testing.assert_allclose(rows, stored[f"{case}_crop_rows"], atol=0.02, err_msg=case)
        np.testing.assert_allclose(crop.mean((0, 1)), stored[f"{case}_crop_mean"], atol=0.02)


def test_a_window_is_warped_as_its_frames_are() -> None:
    window = np.stack([picture(90, 160, seed) for seed in range(3)])
    transforms = crops_of(
        np.random.default_rng(0).uniform(20, 80, (3, 68, 2)), np.array([True, True, False]), *window.shape[1:3]
    )
    together = warp(window, transforms)
    for i in range(3):
        alone = warp(window[i : i + 1], transforms[i : i + 1])[0]
        np.testing.assert_allclose(together[i].numpy(), alone.numpy(), atol=1e-4)


def test_mediapipes_box_is_a_faces(clips_dir: Path) -> None:
    """Without face-alignment's networks here, the rule is held to what a 68-point box shows: brows to chin, ear to ear."""
    path = sorted(clips_dir.glob("lp_d*.mp4"))[0]
    info = probe(path)
    clip = Clip("face", "", path, "", 0, 3, info.fps, info.width, info.height, None, "", "")
    tracker = Tracker(TrackSettings())
    tracker.update(next(frames(clip)))
    track = tracker.finish()
    assert track.present.all()
    centre, size = box_of(track.landmarks[2][list(LIKE_68), :2])
    low, high = track.boxes[2][:2], track.boxes[2][2:]
    assert (np.abs(centre - (low + high) / 2) < 0.15 * (high - low)).all()
    assert 1.1 < size / (high - low).mean() < 1.45
    assert crops_of(track.landmarks, track.present, info.height, info.width).shape == (3, 3, 3)


def test_another_number_of_landmarks_is_named() -> None:
    with pytest.raises(ValueError, match=r"5 landmarks; expected 68 \(face-alignment\) or 478"):
        crops_of(np.zeros((1, 5, 2)), np.ones(1, bool), 9, 9)


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)  # whoever imports it finds none
    with pytest.raises(ImportError, match=r"pip install 'lcvd\[deca\]', or set it to mediapipe"):
        FaceAlignment()
