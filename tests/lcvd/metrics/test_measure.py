import cv2
import numpy as np
import pytest
from PIL import Image

from lcvd.config.filter import TrackSettings
from lcvd.config.profiles import profile
from lcvd.face.embedding import TARGETS, align, embed, five_points
from lcvd.face.head import load_head
from lcvd.face.track import Tracker
from lcvd.light.presets import preset
from lcvd.metrics import measure
from lcvd.metrics.base import Reference
from lcvd.metrics.frechet import frechet_distance
from lcvd.metrics.identity import cosine
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.measure import Meter, regrouped
from lcvd.metrics.registry import feature_sets, open_metrics, score_video
from lcvd.metrics.session import MetricSession
from lcvd.render.hints import hints_of
from tests.lcvd.metrics.conftest import FRAMES, SIZE

LE, _, ID, POSE, ADJ, FD = open_metrics()


def _pictures(codes, name):
    """Blurred skin-coloured images of the head under a light, like the best output of a small model."""
    hints = np.concatenate(list(hints_of(load_head(), codes, SIZE, preset(name))))
    soft = np.stack([cv2.GaussianBlur(hint, (0, 0), 1.5) for hint in hints])
    return (soft * np.array([0.95, 0.72, 0.6])).astype(np.uint8)


@pytest.fixture(scope="module")
def meter(codes):
    return Meter("a", load_head(), codes, SIZE, MetricSession(open_metrics(), profile("demo")))


def test_the_right_light_is_nearer_than_any_other(codes, meter):
    names = ("left", "right", "top", "front")
    targets = np.stack([preset(name) for name in names])
    for row, name in enumerate(names):
        found = meter.light([_pictures(codes, name)])["light"]
        errors = light_error(found, targets[:, None]).mean(axis=1)
        angles = light_angle(found, targets[:, None]).mean(axis=1)
        assert errors.argmin() == angles.argmin() == row, (name, errors, angles)
        assert angles[row] < 15
        assert errors[row] < 0.6 * np.delete(errors, row).min()


def test_the_driving_video_is_like_itself(codes, meter):
    pictures = _pictures(codes, "front")
    seen = meter.observe([pictures])
    found = score_video("a", "front", open_metrics(), seen, Reference(seen, preset("front"), meter.present, SIZE))
    assert found.scores[ID].value == pytest.approx(1, abs=1e-5)
    assert (found.scores[ID].frames, found.scores[LE].frames, found.scores[ADJ].frames) == (FRAMES,) * 3
    assert found.scores[POSE].frames + found.scores[POSE].missing <= FRAMES
    assert found.sets[FD].count == FRAMES
    assert frechet_distance(found.sets[FD], feature_sets([FD], seen)[FD]) == 0


def test_windows_dont_show_in_what_is_seen(codes, meter):
    pictures = _pictures(codes, "left")
    whole, parts = meter.observe([pictures]), meter.observe(pictures[t : t + 1] for t in range(FRAMES))
    assert whole.keys() == parts.keys()
    for key in whole:
        np.testing.assert_array_equal(whole[key], parts[key], err_msg=key)


def test_frames_whose_input_shows_no_face_are_missing_and_counted(codes):
    gone = codes.replace(confidence=np.array([1, 0, 1], np.float32))
    meter = Meter("a", load_head(), gone, SIZE, MetricSession((LE, ID), profile("demo")))
    seen = meter.observe([_pictures(codes, "front")])
    found = score_video("a", "front", (LE, ID), seen, Reference(seen, preset("front"), meter.present, SIZE))
    assert [(each.frames, each.missing) for each in found.scores.values()] == [(2, 1), (2, 1)]
    assert np.isnan(found.per_frame["light_error"]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frames: frames[:2], "a: the video has 2 frames, the clip 3"),
        (lambda frames: frames[[0, 1, 2, 2]], "a: the video has more than the clip's 3 frames"),
        (lambda frames: frames[:, :-1], r"a: frames of uint8 \(95, 96, 3\), expected uint8 \(96, 96, 3\)"),
    ],
)
def test_another_count_or_size_is_refused(codes, meter, change, said):
    with pytest.raises(ValueError, match=said):
        meter.observe([change(_pictures(codes, "front"))])


def test_a_number_that_isnt_finite_is_refused_by_name(codes):
    session = MetricSession((ID,), profile("demo"))
    [network] = session._networks
    session._networks[network] = lambda faces: np.full((len(faces), 8), np.nan)
    with pytest.raises(ValueError, match=r"ID\(SFace\): frame 0 gave a number that isn't finite"):
        Meter("a", load_head(), codes, SIZE, session).observe([_pictures(codes, "front")])


@pytest.mark.parametrize("length", [1, 3, 4, 100])
def test_regrouping_keeps_every_frame(length):
    frames = np.arange(10)
    windows = list(regrouped([frames[:2], frames[2:2], frames[2:9], frames[9:]], length))
    assert all(len(window) == length for window in windows[:-1])
    np.testing.assert_array_equal(np.concatenate(windows), frames)


def test_points_lie_where_the_mesh_says(codes):
    points = measure.five_points(load_head(), codes, SIZE)
    left, right, nose, mouth_left, mouth_right = points[FRAMES // 2]  # the frame that looks ahead
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1] < mouth_left[1]
    np.testing.assert_allclose(left[0] + right[0], SIZE - 1, atol=1)  # symmetric about the centre of the image
    np.testing.assert_allclose(mouth_left[1], mouth_right[1], atol=1)


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
        rows.append(embed(align(picture[None], points), TARGETS[None])[0])
    same, *others = (float(cosine(rows[0], row)) for row in rows[1:])
    assert same > 0.5 > 0.3 > max(others), (same, others)
