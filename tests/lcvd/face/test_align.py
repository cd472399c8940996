import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lcvd.face.align import relative
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square


def _codes(pose, expression, head="open-head/1", seed=0):
    draw = np.random.default_rng(seed).random
    t = len(pose)
    return FaceCodes(
        head, draw(4).astype(np.float32), np.asarray(expression, np.float32), np.asarray(pose, np.float32),
        draw((t, 3)).astype(np.float32), whole_square(np.array([0, 0, 9]), t), draw((t, 9, 3)).astype(np.float32), np.array([0, 0, 9], np.int32),
        np.ones(t, np.float32),
    )  # fmt: skip


def test_a_still_driving_face_leaves_the_portrait_alone():
    portrait = _codes([[0.1, 0.2, 0.3]], [[0.2, 0.4]])
    moved = relative(portrait, _codes([[0.5, -0.2, 0.1]] * 3, [[0.7, 0.1]] * 3, seed=1))
    assert np.allclose(moved.pose, portrait.pose, atol=1e-6)
    assert np.allclose(moved.expression, portrait.expression)
    assert np.allclose(moved.camera, portrait.camera)
    assert np.array_equal(moved.identity, portrait.identity)


def test_large_turns_compose_as_rotations():
    portrait = _codes([[0, 0, 0.4]], [[0.0, 0.0]])
    driving = _codes([[0, 1.0, 0], [0, 1.6, 0]], [[0.0, 0.0], [0.5, 1.0]], seed=1)
    wanted = Rotation.from_euler("y", 0.6) * Rotation.from_euler("z", 0.4)
    moved = relative(portrait, driving)
    assert np.allclose(moved.pose[1], wanted.as_rotvec(), atol=1e-6)
    assert np.allclose(moved.expression[1], [0.5, 1.0])


def test_expressions_stay_in_range_and_models_must_agree():
    portrait = _codes([[0, 0, 0]], [[0.9, 0.1]])
    moved = relative(portrait, _codes([[0, 0, 0]] * 2, [[0.0, 1.0], [1.0, 0.0]], seed=1))
    assert moved.expression.min() >= 0
    assert moved.expression.max() <= 1
    with pytest.raises(ValueError, match="another|reconstruct both"):
        relative(portrait, _codes([[0, 0, 0]], [[0.0, 0.0]], head="deca"))
