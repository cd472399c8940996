import numpy as np
import pytest

from lcvd.render.normals import vertex_normals

BOX = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)


def ring_sphere(rings: int = 40, points: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A fine sphere, faces counter-clockwise seen from outside."""
    theta = np.pi * (np.arange(rings) + 0.5) / rings
    phi = 2 * np.pi * np.arange(points) / points
    at = np.stack(
        [
            np.sin(theta)[:, None] * np.sin(phi),
            np.cos(theta)[:, None] * np.ones_like(phi),
            np.sin(theta)[:, None] * np.cos(phi),
        ],
        axis=-1,
    )
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(points), indexing="ij")
    a, b = i * points + j, i * points + (j + 1) % points
    c, d = a + points, b + points
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return at.reshape(-1, 3).astype(np.float32), faces


def test_a_sphere_points_outwards() -> None:
    vertices, faces = ring_sphere()
    normals = vertex_normals(vertices[None], faces)[0]
    inner = slice(80, -80)
    assert (normals[inner] * vertices[inner]).sum(-1).min() > 0.998
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)


def test_equals_the_sum_over_faces() -> None:
    random = np.random.default_rng(0)
    vertices, faces = random.normal(size=(3, 20, 3)).astype(np.float32), random.integers(0, 20, (40, 3))
    weights = random.integers(1, 4, 40)
    found = vertex_normals(vertices, faces, weights)
    corner = vertices[:, faces]
    cross = np.cross(corner[:, :, 1] - corner[:, :, 0], corner[:, :, 2] - corner[:, :, 0]) * weights[:, None]
    wanted = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(wanted, (slice(None), faces[:, k]), cross)
    wanted /= np.maximum(np.linalg.norm(wanted, axis=-1, keepdims=True), 1e-6)
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    repeated = vertex_normals(vertices, np.repeat(faces, weights, axis=0))
    np.testing.assert_allclose(found, repeated, atol=1e-4)


def test_untouched_vertices_get_zeros() -> None:
    normals = vertex_normals(BOX[None], np.array([[0, 1, 2]]))
    assert (normals[0, 3:] == 0).all()


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="7 values for 1 faces"):
        vertex_normals(BOX[None], np.array([[0, 1, 2]]), np.ones(7))
    with pytest.raises(ValueError, match="the mesh has 8"):
        vertex_normals(BOX[None], np.array([[0, 1, 8]]))
