"""Garments surround the neck at the collar, are wide at the shoulders, closed behind, and face outwards."""

from dataclasses import replace

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.render.normals import vertex_normals
from lcvd.studio.person import GARMENTS, sample_person
from lcvd.studio.shoulders_mesh import AXIS, COLUMNS, build_garment, height_above_collar

HEAD = load_head()


@pytest.mark.parametrize("kind", GARMENTS)
def test_a_garment_surrounds_the_neck(kind: str) -> None:
    person = replace(sample_person(5, HEAD), garment=kind)
    skin = HEAD.faces[HEAD.face_parts == HEAD.parts.index("skin")]
    points, faces, collar_distance = build_garment(HEAD.template.astype(float), HEAD.template, skin, person)
    rings = points.reshape(-1, COLUMNS + 1, 3)
    np.testing.assert_array_equal(rings[:, 0], rings[:, -1])
    assert collar_distance.min() == 0
    assert collar_distance.max() == 1
    neck = HEAD.template[np.abs(height_above_collar(HEAD.template)) < 0.03]
    reach = np.hypot(rings[2, :, 0], rings[2, :, 2] - AXIS)
    assert abs(reach.mean() - np.hypot(neck[:, 0], neck[:, 2] - AXIS).mean()) < 0.1
    assert np.ptp(points[:, 0]) > 1.5
    normals = vertex_normals(points[None].astype(np.float32), faces)[0].reshape(rings.shape)
    outwards = (normals[8:] * (rings[8:] - (0, -1.2, AXIS))).sum(-1)
    assert (outwards > 0).mean() > 0.97


def test_the_collar_is_lower_in_front() -> None:
    front, back = height_above_collar(np.array([[0, -0.6, 0.15], [0, -0.6, -0.35]]))
    assert front == pytest.approx(0)
    assert back < -0.1
