"""Body mesh: the face is the head model's, hair and clothes are outside it, the shoulders move little."""

from dataclasses import replace

import numpy as np
import pytest

from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.studio.body_mesh import PARTS, build_body_mesh
from lcvd.studio.clip import StudioClip
from lcvd.studio.person import HAIRS, sample_person


@pytest.mark.parametrize("hair", list(HAIRS))
def test_the_face_is_the_head_models(hair: str) -> None:
    head = load_head()
    body = build_body_mesh(replace(sample_person(6, head), hair=hair), head)
    truth = StudioClip("head-6", 4, frames=3).truth()
    posed = body.vertices(truth, truth.camera[0] * 0 + (1, 0, 0))
    face = np.unique(head.hint_faces)
    face = face[(np.abs(head.template[face]) < (0.22, 0.2, 1)).all(1)]
    assert len(face) > 1000
    want = head.vertices(truth.identity, truth.expression, truth.pose)
    np.testing.assert_allclose(posed[:, face], want[:, face], atol=2e-3)
    assert (
        body.faces.max()
        < len(body.rest_positions)
        == len(body.head_weights)
        == len(body.collar_distance)
        == posed.shape[1]
    )
    assert (body.hair_offsets[face] == 0).all()
    lifted = np.linalg.norm(body.hair_offsets, axis=1).max()
    assert lifted > 0.01 or hair in ("bald", "buzz")
    assert (body.parts == PARTS.index("hair")).any() == (hair in ("bun", "bob"))


def test_shoulders_move_less_than_the_head_and_the_garment_surrounds_the_neck() -> None:
    head = load_head()
    body = build_body_mesh(sample_person(6, head), head)
    clip = StudioClip("head-6", 4, frames=50)
    truth = clip.truth()
    projected = place(body.vertices(truth, np.array([1.14, 0, 0.07])), truth)
    moved = np.linalg.norm(projected[..., :2] - projected[:1, :, :2], axis=-1).max(0)
    garment = np.unique(body.faces[body.parts == PARTS.index("garment")])
    nose = body.rest_positions[: len(head.template), 2].argmax()
    assert moved[garment].max() < 0.5 * moved[nose]
    width = np.ptp(body.rest_positions[garment], axis=0)
    assert width[0] > 1.5
    assert body.collar_distance[garment].max() == 1
