import numpy as np

from lcvd.light.presets import preset
from lcvd.render.hints import surface_of
from lcvd.render.views import AWAY, coverage_images, lit_sphere, normal_images


def test_a_tent_shows_its_two_slopes_and_its_back() -> None:
    """Two triangles that slope to the left and to the right, and one seen from behind below them."""
    vertices = np.float32(
        [
            [-1, 1, 0],
            [0, 1, 1],
            [-1, -0.2, 0],
            [0, -0.2, 1],
            [1, 1, 0],
            [1, -0.2, 0],
            [-1, -0.4, 0],
            [1, -0.4, 0],
            [0, -1, 0],
        ]
    )[None]
    faces = np.array([[0, 2, 1], [2, 3, 1], [1, 3, 5], [1, 5, 4], [6, 7, 8]])
    size = 64
    ndc = vertices * np.float32([0.9, -0.9, -0.9]) + np.float32([0, 0, 10])
    surface = surface_of(vertices, ndc, faces, size, backend="numba")
    normals, coverage = normal_images(surface)[0], coverage_images(surface)[0]
    left, right, behind, nothing = (20, 8), (20, 55), (50, 32), (1, 1)
    assert normals[left][0] < 127 < normals[right][0]
    for place in (left, right):
        assert normals[place][2] > 190
        assert (coverage[place] == 255).all()
    assert not normals[behind].any()
    assert (coverage[behind] == AWAY).all()
    assert not normals[nothing].any()
    assert not coverage[nothing].any()
    np.testing.assert_array_equal(coverage[..., 0] > 0, surface.fragments.coverage[0])


def test_the_sphere_is_lit_from_its_side():
    sphere = lit_sphere(preset("left"), 64).mean(-1)
    assert sphere[:, :32].mean() > 1.5 * sphere[:, 32:].mean()
    top = lit_sphere(preset("top"), 64).mean(-1)
    assert top[:32].mean() > 1.5 * top[32:].mean()
    assert sphere[0, 0] == 0
