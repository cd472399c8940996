import cv2
import numpy as np
import pytest
from PIL import Image

from lcvd.config.settings import LightSettings, TrackSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.embedding import embed, five_points
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.face.track import Tracker
from lcvd.metrics import measure
from lcvd.metrics.features import FeatureExtractor
from lcvd.metrics.identity import align, cosine
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.measure import Meter
from lcvd.shading.hints import hints_of
from lcvd.shading.presets import preset

SIZE, FRAMES = 96, 3


@pytest.fixture(scope="module")
def codes():
    head = load_head()
    turn = np.zeros((FRAMES, 3), np.float32)
    turn[:, 1] = np.linspace(-0.3, 0.3, FRAMES)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((FRAMES, len(head.expression_basis)), np.float32),
        pose=turn,
        camera=np.tile(np.array([1.4, 0, 0], np.float32), (FRAMES, 1)),
        light=np.tile(preset("front"), (FRAMES, 1, 1)),
        crop=whole_square(np.array([0, 0, SIZE]), FRAMES),
        square=np.array([0, 0, SIZE], np.int32),
        confidence=np.ones(FRAMES, np.float32),
    )


def _pictures(codes, name):
    """Soft skin-coloured pictures of the head under a light: what a small model's output is like at best."""
    hints = np.concatenate(list(hints_of(load_head(), codes, SIZE, preset(name))))
    soft = np.stack([cv2.GaussianBlur(hint, (0, 0), 1.5) for hint in hints])
    return (soft * np.array([0.95, 0.72, 0.6])).astype(np.uint8)


@pytest.fixture(scope="module")
def meter(codes):
    return Meter(load_head(), codes, _pictures(codes, "front"), FeatureExtractor(), LightSettings(), TrackSettings())


def test_the_right_light_is_nearer_than_any_other(codes, meter):
    names = ("left", "right", "top", "front")
    targets = np.stack([preset(name) for name in names])
    for row, name in enumerate(names):
        found = meter.light(_pictures(codes, name))
        errors = light_error(found, targets[:, None]).mean(axis=1)
        angles = light_angle(found, targets[:, None]).mean(axis=1)
        assert errors.argmin() == angles.argmin() == row, (name, errors, angles)
        assert angles[row] < 15
        assert errors[row] < 0.6 * np.delete(errors, row).min()


def test_the_driving_video_is_like_itself(codes, meter):
    found = meter.measure(_pictures(codes, "front"))
    np.testing.assert_allclose(found.likeness, 1, atol=1e-5)
    assert found.light.shape == (FRAMES, 9, 3)
    assert found.steps.shape == (FRAMES - 1,)
    assert found.features.count == FRAMES
    assert found.pose.frames + found.pose.missing <= FRAMES


def test_points_lie_where_the_mesh_says(codes):
    points = measure.five_points(load_head(), codes, SIZE)
    left, right, nose, mouth_left, mouth_right = points[FRAMES // 2]  # the frame that looks ahead
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1] < mouth_left[1]
    np.testing.assert_allclose(left[0] + right[0], SIZE - 1, atol=1)  # symmetric about the picture's middle
    np.testing.assert_allclose(mouth_left[1], mouth_right[1], atol=1)


def test_frames_and_codes_must_agree(codes):
    with pytest.raises(ValueError, match="3 frames of codes and 2"):
        Meter(load_head(), codes, _pictures(codes, "front")[:2], FeatureExtractor(), LightSettings(), TrackSettings())


def test_the_same_person_is_more_alike_than_others(clips_dir):
    folder = clips_dir.parent / "portraits"
    names = ("fr_obama.jpg", "fr_obama2.jpg", "fr_biden.jpg", "lp_d08_man_curly.jpg")
    if not all((folder / name).exists() for name in names):
        pytest.skip(f"no portraits in {folder}: two of one person and two of others are compared")
    rows = []
    for name in names:
        picture = np.asarray(Image.open(folder / name).convert("RGB"))
        tracker = Tracker(TrackSettings())
        tracker.update(picture[None])
        points = five_points(tracker.finish().landmarks)
        rows.append(embed(align(picture[None], points), measure.TARGETS[None])[0])
    same, *others = (float(cosine(rows[0], row)) for row in rows[1:])
    assert same > 0.5 > 0.3 > max(others), (same, others)
