import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import CROP, place, placement, whole_square
from lcvd.face.smooth import EXPRESSION_PACE, PLACE_PACE, TURN_PACE, one_euro, smooth

FRAMES = 120


def _acceleration(values: np.ndarray) -> float:
    return float(np.sqrt((np.diff(values, 2, axis=0) ** 2).mean()))


def _codes(pose: np.ndarray, camera: np.ndarray, expression: np.ndarray, head: str = "open-head/1") -> FaceCodes:
    count = len(pose)
    square = np.array([0, 0, 200], np.int32)
    return FaceCodes(
        head=head,
        identity=np.zeros(3, np.float32),
        expression=expression.astype(np.float32),
        pose=pose.astype(np.float32),
        camera=camera.astype(np.float32),
        crop=whole_square(square, count),
        light=np.ones((count, 9, 3), np.float32),
        square=square,
        confidence=np.ones(count, np.float32),
    )


def _noisy(columns: int = 3) -> FaceCodes:
    draw = np.random.default_rng(0).normal
    t = np.arange(FRAMES)[:, None] / 25
    pose = 0.3 * np.sin(t * ([1, 2, 3] * 2)[:columns]) + draw(0, 0.01, (FRAMES, columns))
    camera = np.array([1.2, 0, 0]) + 0.1 * np.sin(t * [1, 2, 3]) + draw(0, 0.004, (FRAMES, 3))
    expression = np.clip(0.5 + 0.4 * np.sin(2 * t) + draw(0, 0.02, (FRAMES, 5)), 0, 1)
    return _codes(pose, camera, expression)


def test_off_is_off() -> None:
    codes = _noisy()
    assert smooth(codes, 0) is codes
    with pytest.raises(ValueError, match="strength of smoothing is -1"):
        smooth(codes, -1)


@pytest.mark.parametrize("columns", [3, 6])
def test_jitter_falls_and_motion_stays(columns: int) -> None:
    codes = _noisy(columns)
    calm, calmer = smooth(codes, 2), smooth(codes, 4)
    for name in ("pose", "camera", "expression"):
        before, after, more = (_acceleration(getattr(each, name)) for each in (codes, calm, calmer))
        assert after < before / 2.5, name
        assert more < after, name
    t = np.arange(FRAMES)[:, None] / 25
    true = 0.3 * np.sin(t * ([1, 2, 3] * 2)[:columns])
    assert np.abs(calm.pose - true).mean() < np.abs(codes.pose - true).mean()
    for name in ("identity", "light", "square", "crop", "confidence"):
        assert np.array_equal(getattr(calm, name), getattr(codes, name)), name
    assert calm.expression.min() >= 0
    assert calm.expression.max() <= 1


@pytest.mark.parametrize("strength", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("speed", [0.002, 0.02, 0.1])
@pytest.mark.parametrize("pace", [TURN_PACE, EXPRESSION_PACE, float(PLACE_PACE[0])])
def test_a_ramp_is_not_lagged(strength: float, speed: float, pace: float) -> None:
    """By more than 0.05 frames, at the clip's ends either."""
    ramp = speed * np.arange(60.0)[:, None]
    assert np.abs(one_euro(ramp, strength, pace) - ramp).max() <= 0.05 * speed


def test_a_step_stays_within_a_few_frames() -> None:
    """The quick opening of an eye isn't drawn out."""
    step = (np.arange(60.0) >= 30)[:, None].astype(float)
    calm = one_euro(step, 2.0, EXPRESSION_PACE)
    assert np.abs(calm - step)[:27].max() < 0.05
    assert np.abs(calm - step)[33:].max() < 0.05


def test_a_jittering_crop_is_smoothed_in_the_picture() -> None:
    """Box and camera jitter against each other: the head stands still, and must not begin to shake."""
    draw = np.random.default_rng(1).uniform
    still = _codes(np.zeros((FRAMES, 6)), np.tile([1.0, 0.1, 0.0], (FRAMES, 1)), np.zeros((FRAMES, 2)), "flame-2020")
    grow, shift = draw(0.9, 1.1, FRAMES), draw(-5, 5, (FRAMES, 2))
    crop, camera = still.crop.copy(), np.empty((FRAMES, 3), np.float32)
    crop[:, 0, 0] *= grow
    crop[:, 1, 1] *= grow
    crop[:, :2, 2] = shift
    at = placement(still)
    scale = np.exp(at[:, 0]) / (2 / 200 / crop[:, 0, 0] * CROP / 2)
    pixel = (at[:, 1:] + 1) * 100 * crop[:, :1, 0] + shift
    origin = pixel / (CROP / 2) - 1
    camera[:, 0], camera[:, 1:] = scale, origin / scale[:, None] * [1, -1]
    shaking = still.replace(crop=crop, camera=camera)
    points = np.random.default_rng(2).normal(size=(FRAMES, 9, 3))[:1].repeat(FRAMES, 0)
    np.testing.assert_allclose(place(points, shaking)[..., :2], place(points, still)[..., :2], atol=1e-4)
    np.testing.assert_allclose(place(points, smooth(shaking, 3))[..., :2], place(points, still)[..., :2], atol=1e-4)


def test_turns_near_half_a_revolution_are_smoothed_as_turns() -> None:
    """Their vectors jump from one side to the other."""
    angles = np.pi + 0.02 * np.random.default_rng(0).normal(size=FRAMES)
    pose = Rotation.from_euler("y", angles[:, None]).as_rotvec()
    assert np.ptp(pose[:, 1]) > 6
    codes = _codes(pose, np.tile([1.0, 0, 0], (FRAMES, 1)), np.zeros((FRAMES, 1)))
    turn = Rotation.from_rotvec(smooth(codes, 3).pose) * Rotation.from_euler("y", np.pi).inv()
    assert turn.magnitude().max() < 0.03


def test_short_clips() -> None:
    for count in (1, 2, 3):
        codes = _noisy().window(range(count))
        calm = smooth(codes, 2)
        assert calm.frames == count
        assert np.abs(calm.pose - codes.pose).max() < 0.05
