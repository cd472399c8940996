"""The fit against a made-up head whose codes are known: what went in must come out."""

import numpy as np
import pytest

from lcvd.config.settings import FitSettings
from lcvd.face.fit import fit_track, landmark_error
from lcvd.face.head import Head, project, rotations
from lcvd.face.track import FaceTrack

SQUARE = np.array([20, 10, 400], np.int32)


@pytest.fixture(scope="module")
def head():
    """A bumpy half-ellipsoid with 478 landmarks, 6 identity and 5 expression directions."""
    draw = np.random.default_rng(0)
    v = 478
    xy = draw.uniform(-0.4, 0.4, (v, 2))
    xy[33], xy[263] = (-0.25, 0.1), (0.25, 0.1)
    template = np.c_[xy, 0.5 * np.sqrt(1 - (xy**2).sum(1)) + 0.05 * draw.normal(size=v)].astype(np.float32)
    waves = np.stack([np.sin(3 * draw.normal(size=(3,)) @ template.T + i) for i in range(33)], 0).reshape(11, 3, v)
    bases = (0.04 * waves.transpose(0, 2, 1)).astype(np.float32)
    index = np.arange(v)
    faces = np.stack([index[:-2], index[1:-1], index[2:]], 1)
    return Head("open-head/1", template, 0.5 * bases[:6], bases[6:], tuple("abcde"), faces, np.zeros(len(faces), int), ("face",),
                faces, index, np.stack([index] * 3, 1), np.tile([1.0, 0.0, 0.0], (v, 1)).astype(np.float32), index)  # fmt: skip


def _truth(head, frames=40, moving=True):
    t = np.linspace(0, 2 * np.pi, frames)
    pose = np.stack([0.2 * np.sin(t), 0.5 * np.sin(t / 2), 0.1 * np.cos(t)], 1)
    camera = np.stack([0.9 + 0.05 * np.sin(t), 0.1 * np.cos(t), -0.05 * np.sin(t)], 1)
    expression = np.clip(np.stack([np.sin(t + i) for i in range(5)], 1), 0, 1) * 0.8 * moving
    identity = np.random.default_rng(1).normal(size=6)
    return identity, expression, pose, camera


def _track(head, truth, noise=0.0):
    identity, expression, pose, camera = truth
    ndc = project(head.landmarks(head.vertices(identity, expression, pose)), camera)
    px = (ndc[..., :2] + 1) / 2 * SQUARE[2] + SQUARE[:2]
    z = (ndc[..., 2:] - 10) / 2 * SQUARE[2]
    points = np.concatenate([px, z], -1) + noise * np.random.default_rng(2).normal(size=(*px.shape[:2], 3))
    points = points.astype(np.float32)
    boxes = np.concatenate([points[..., :2].min(1), points[..., :2].max(1)], -1)
    return FaceTrack(points, boxes, np.ones(len(points), bool), np.ones(len(points), np.int32))


def _degrees(first, second):
    turn = rotations(first) @ rotations(second).swapaxes(1, 2)
    return np.degrees(np.arccos(np.clip((np.trace(turn, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def test_pose_camera_and_expression_come_back_under_noise(head):
    truth = _truth(head)
    track = _track(head, truth, noise=1.0)
    codes = fit_track(track, SQUARE, head, FitSettings())
    assert _degrees(codes.pose, truth[2]).mean() < 2
    assert np.abs(codes.camera - truth[3]).mean() < 0.02
    assert np.abs(codes.expression - truth[1]).mean() < 0.12
    assert landmark_error(codes, track, head).mean() < 0.02
    assert (codes.confidence > 0.8).all()


def test_a_neutral_face_stays_neutral(head):
    truth = _truth(head, moving=False)
    codes = fit_track(_track(head, truth, noise=1.0), SQUARE, head, FitSettings())
    assert codes.expression.max() < 0.25
    assert codes.expression.mean() < 0.05


def test_frames_without_a_face_are_interpolated_and_marked(head):
    truth = _truth(head)
    track = _track(head, truth)
    whole = fit_track(track, SQUARE, head, FitSettings())
    gap = slice(10, 13)
    track.landmarks[gap], track.present[gap] = 0, False
    codes = fit_track(track, SQUARE, head, FitSettings())
    assert (codes.confidence[gap] == 0).all()
    assert _degrees(codes.pose[gap], whole.pose[gap]).max() < 3


def test_the_same_track_gives_the_same_codes(head):
    track = _track(head, _truth(head))
    first, second = (fit_track(track, SQUARE, head, FitSettings()) for _ in range(2))
    assert np.array_equal(first.expression, second.expression)
    assert np.array_equal(first.pose, second.pose)
