"""Motion at another rate, without its gaps, from saved codes: against what is known of made-up codes."""

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, whole_square
from lcvd.face.head import load_head
from lcvd.ledger.rows import ClipError
from lcvd.relighting.motion import Motion, at_rate, driving_motion, seconds_of, without_gaps


def moving(frames: int, unseen: tuple[int, ...] = ()) -> FaceCodes:
    """A head that turns, opens its mouth, comes nearer and is lit more with every frame, evenly."""
    head = load_head()
    t = np.arange(frames, dtype=np.float32)
    expression = np.zeros((frames, len(head.expression_names)), np.float32)
    expression[:, 0] = t / 100
    square = np.array([0, 0, 128], np.int32)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=expression,
        pose=np.stack([0 * t, t / 50, 0 * t], -1),
        camera=np.stack([np.exp(0.01 * t), 0 * t, 0 * t], -1).astype(np.float32),
        crop=whole_square(square, frames),
        light=np.broadcast_to(t[:, None, None], (frames, 9, 3)).astype(np.float32),
        square=square,
        confidence=np.array([0.0 if i in unseen else 0.9 for i in range(frames)], np.float32),
    )


def motion(codes: FaceCodes, fps: float = 30.0) -> Motion:
    return Motion(codes, np.arange(codes.frames), fps, None, "clip.mp4", "")


@pytest.mark.parametrize("fps", [12, 24, 25, 60])
def test_even_motion_stays_even_at_any_rate(fps):
    found = at_rate(motion(moving(61)), fps)
    count = round(61 * fps / 30)
    assert (found.codes.frames, found.fps) == (count, fps)
    t = np.minimum(np.arange(count) * 30 / fps, 60)
    np.testing.assert_allclose(found.codes.pose[:, 1], t / 50, atol=1e-5)
    np.testing.assert_allclose(found.codes.expression[:, 0], t / 100, atol=1e-5)
    np.testing.assert_allclose(placement(found.codes)[:, 0], 0.01 * t, atol=1e-5)
    np.testing.assert_allclose(found.codes.light[:, 4, 1], t, atol=1e-4)
    assert np.abs(found.places - t).max() <= 0.5


def test_frames_without_a_face_are_held_skipped_or_told():
    seen = motion(moving(30, unseen=(3, 4, 20)))
    assert without_gaps(seen, "hold") is seen
    assert seconds_of(seen) == [(0.1, 0.167), (0.667, 0.7)]
    skipped = without_gaps(seen, "skip")
    assert skipped.codes.frames == 27
    assert skipped.cut
    assert not skipped.bridged.any()
    assert not {3, 4, 20} & set(skipped.places.tolist())
    with pytest.raises(ClipError, match="clip.mp4: no face at 0.10 to 0.17 s, 0.67 to 0.70 s"):
        without_gaps(seen, "fail")
    whole = motion(moving(4))
    assert without_gaps(whole, "fail") is whole
    with pytest.raises(ValueError, match="no_face: expected one of hold, skip, fail"):
        without_gaps(whole, "stop")  # type: ignore[arg-type]


def test_marks_follow_the_rate():
    found = at_rate(motion(moving(30, unseen=(10, 11, 12))), 60)
    assert seconds_of(found)[0] == pytest.approx((10 / 30, 13 / 30), abs=1 / 60)


def test_saved_codes_drive_at_a_rate_of_choice(tmp_path, relight_settings):
    codes = moving(40, unseen=(7,))
    codes.save(tmp_path / "codes.safetensors", {})
    found = driving_motion(tmp_path / "codes.safetensors", tmp_path, relight_settings, start=0.5, end=1, fps=20)
    assert found.fps == 20
    np.testing.assert_array_equal(found.codes.pose, codes.pose[10:20])
    assert driving_motion(codes, tmp_path, relight_settings).bridged.tolist() == [t == 7 for t in range(40)]
    with pytest.raises(ValueError, match=r"codes\.safetensors: no frame after 9 s: 40 frames"):
        driving_motion(tmp_path / "codes.safetensors", tmp_path, relight_settings, start=9)
    (tmp_path / "bad.safetensors").write_bytes(b"no codes")
    with pytest.raises(ValueError, match=r"bad\.safetensors: not a face-codes file"):
        driving_motion(tmp_path / "bad.safetensors", tmp_path, relight_settings)
