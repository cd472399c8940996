"""Hair on the template grows on the scalp; separate meshes are outside the head and face outwards."""

from dataclasses import replace

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.render.normals import vertex_normals
from lcvd.studio.hair import SKULL_CENTRE, detached_hair, grid_triangles, hair_displacement, height_above_hairline
from lcvd.studio.person import HAIRS, sample_person

HEAD = load_head()


@pytest.mark.parametrize("hair", list(HAIRS))
def test_the_crown_is_above_the_hairline_and_the_nose_below(hair: str) -> None:
    person = replace(sample_person(3, HEAD), hair=hair)
    crown, nose, ear = np.array([[0, 0.57, 0.0], [0, -0.05, 0.52], [0.36, 0.02, 0.02]])
    above = height_above_hairline(np.stack([crown, nose, ear]), person)
    assert above[0] > 0.2
    assert (above[1:] < 0).all()
    lifted = hair_displacement(HEAD.template.astype(float), person)
    outwards = (lifted * (HEAD.template - SKULL_CENTRE)).sum(1)
    assert outwards.min() >= 0
    assert (np.linalg.norm(lifted, axis=1).max() > 0) == (hair != "bald")


@pytest.mark.parametrize("hair", ["bun", "bob"])
def test_detached_hair_faces_outwards(hair: str) -> None:
    person = replace(sample_person(3, HEAD), hair=hair)
    skull = HEAD.template + hair_displacement(HEAD.template.astype(float), person)
    points, faces = detached_hair(person, skull, HEAD.template)
    assert faces.max() < len(points)
    normals = vertex_normals(points[None].astype(np.float32), faces)[0]
    middle = points.mean(0) if hair == "bun" else points.mean(0) * (0, 1, 0)
    outer = slice(None) if hair == "bun" else slice(5 * 128, 15 * 128)
    away = ((points - middle) * normals)[outer].sum(1)
    assert (away > 0).mean() > 0.95


def test_a_grid_is_counter_clockwise_from_the_front_when_rows_go_down() -> None:
    y, x = np.mgrid[0:3, 0:4]
    points = np.stack([x, -y, np.zeros_like(x)], axis=-1).reshape(1, -1, 3).astype(np.float32)
    faces = grid_triangles(3, 4)
    assert len(faces) == 2 * 2 * 3
    np.testing.assert_allclose(vertex_normals(points, faces)[0], np.tile([0, 0, 1], (12, 1)))
