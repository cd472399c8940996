"""The open head's asset and its geometry, against what a head must look like and against independent formulas."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lcvd.face.geometry import DEPTH, project
from lcvd.face.head import ASSETS, load_head, rotations


@pytest.fixture(scope="module")
def head():
    return load_head("open-head/1")


def _at(head, mark, shape=None):
    points = head.landmarks((head.template if shape is None else shape)[None])[0]
    return points[list(head.landmark_indices).index(mark)]


def _express(head, **values):
    expression = np.zeros((1, len(head.expression_names)))
    for name, value in values.items():
        expression[0, head.expression_names.index(name)] = value
    return head.shape(np.zeros(len(head.identity_basis)), expression)[0]


def test_the_asset_is_small_and_consistent(head):
    assert (ASSETS / "open_head.npz").stat().st_size < 1_000_000
    count = len(head.template)
    assert head.faces.min() == 0
    assert head.faces.max() == count - 1
    assert len(np.unique(head.faces)) == count
    assert head.landmark_corners.max() < count
    assert np.allclose(head.landmark_weights.sum(1), 1, atol=1e-6)
    assert head.landmark_weights.min() >= 0
    assert len(head.expression_names) == 52
    assert np.array_equal(head.landmark_indices, np.arange(468))
    assert all(np.isfinite(field).all() for field in (head.template, head.identity_basis, head.expression_basis))


def test_triangles_face_outwards_and_skin_is_a_mesh_with_each_edge_once_a_way(head):
    skin = head.faces[head.face_parts == head.parts.index("skin")]
    ways = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]])
    assert len(np.unique(ways, axis=0)) == len(ways)
    a, b, c = head.template[head.hint_faces].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    ray = (a + b + c) / 3 - [0, 0, 0.05]
    area = np.linalg.norm(normals, axis=1)
    assert area[(normals * ray).sum(1) > 0].sum() > 0.97 * area.sum()  # all but folds of lids, lips and nostrils


def test_the_head_is_symmetric(head):
    flip = np.array([-1, 1, 1])
    assert np.abs(head.template[head.mirror] - head.template * flip).max() < 1e-3
    for right, left in ((33, 263), (133, 362), (61, 291), (234, 454), (105, 334)):
        assert np.allclose(_at(head, right), _at(head, left) * flip, atol=0.006)
    shown = np.zeros(len(head.template), bool)
    shown[head.hint_faces] = True
    assert (shown == shown[head.mirror]).mean() > 0.995


def test_landmarks_lie_where_they_belong(head):
    assert _at(head, 4)[2] == pytest.approx(head.landmarks(head.template[None])[0, :, 2].max(), abs=0.01)  # nose tip
    assert _at(head, 10)[1] > _at(head, 151)[1] > _at(head, 4)[1] > _at(head, 13)[1] > _at(head, 152)[1]
    assert _at(head, 33)[0] < _at(head, 133)[0] < 0 < _at(head, 362)[0] < _at(head, 263)[0]  # right eye: picture's left
    assert _at(head, 159)[1] > _at(head, 145)[1]
    for index in (10, 152, 234, 454, 4):
        distance = np.linalg.norm(head.template[head.hint_faces].mean(1) - _at(head, index), axis=1).min()
        assert distance < 0.03


def test_hints_show_skin_of_the_face_only(head):
    rows = {tuple(face) for face in head.faces[head.face_parts == head.parts.index("skin")].tolist()}
    assert rows.issuperset(map(tuple, head.hint_faces.tolist()))
    middle = head.template[head.hint_faces].mean(1)
    assert middle[:, 2].min() > 0  # in front of the ears, which the origin lies between
    assert -0.45 < middle[:, 1].min() < -0.3  # chin, not neck
    assert 0.28 < middle[:, 1].max() < 0.42  # forehead, not crown
    eyes = head.template[head.faces[head.face_parts == head.parts.index("eye")]].mean(1)
    for side in (-1, 1):  # nothing covers the open eye
        x, y = eyes[side * eyes[:, 0] > 0][:, :2].mean(0)
        inside = (np.abs(middle[:, 0] - x) < 0.02) & (np.abs(middle[:, 1] - y) < 0.005)
        assert not inside.any()


def test_expressions_do_what_their_names_say(head):
    still = head.template
    blink = _express(head, eyeBlinkLeft=1.0)
    opening = [_at(head, 386, shape)[1] - _at(head, 374, shape)[1] for shape in (still, blink)]
    assert opening[1] < 0.3 * opening[0]
    assert _at(head, 159, blink)[1] == pytest.approx(_at(head, 159)[1], abs=1e-4)  # the other eye stays open
    jaw = _express(head, jawOpen=1.0)
    assert _at(head, 152, jaw)[1] < _at(head, 152)[1] - 0.05
    smile = _express(head, mouthSmileLeft=1.0)
    assert _at(head, 291, smile)[1] > _at(head, 291)[1] + 0.01


def test_identities_differ_in_shape_but_not_in_place(head):
    draw = np.random.default_rng(0).standard_normal
    moves = np.array([np.tensordot(draw(len(head.identity_basis)), head.identity_basis, 1) for _ in range(50)])
    front = np.unique(head.hint_faces)
    assert np.abs(moves[:, front].mean(1)).mean() < 0.01  # the camera moves heads, identity doesn't
    assert 0.005 < np.sqrt((moves[:, front] ** 2).sum(-1).mean()) < 0.06


def test_rotation_and_projection_agree_with_independent_formulas(head):
    pose = np.array([[0.2, -0.5, 0.1], [0, 0, 0], [1.2, 0.3, -2.0], [1e-9, 0, 0]])
    assert np.allclose(rotations(pose), Rotation.from_rotvec(pose).as_matrix(), atol=1e-12)
    camera = np.array([[1.5, 0.1, -0.2]] * 4)
    vertices = head.vertices(np.zeros(80), np.zeros((4, 52)), pose)
    assert vertices.dtype == np.float32
    turned = Rotation.from_rotvec(pose[0]).apply(head.template[100].astype(float))
    assert np.allclose(vertices[0, 100], turned, atol=1e-6)
    wanted = [1.5 * (turned[0] + 0.1), -1.5 * (turned[1] - 0.2), DEPTH - 1.5 * turned[2]]
    assert np.allclose(project(vertices, camera)[0, 100], wanted, atol=1e-5)


def test_an_unknown_head_is_named():
    with pytest.raises(ValueError, match=r"'closed-head' doesn't exist; choose one of open-head/1"):
        load_head("closed-head")
