"""Texels on a mesh reproduce linear functions of position exactly, and shading follows the SH formula."""

import numpy as np

from lcvd.light.presets import preset
from lcvd.render.rasterize import rasterize
from lcvd.render.sh import shading
from lcvd.studio.mesh_texture import build_texel_grid, render_textured

VERTICES = np.array([[-0.9, -0.8, 5], [0.8, -0.7, 5], [-0.2, 0.9, 5], [0.9, 0.8, 5]], np.float32)
FACES = np.array([[0, 1, 2], [1, 3, 2]])
SIZE = 48


def test_texels_on_a_shared_edge_have_equal_positions_in_both_triangles() -> None:
    texels = build_texel_grid(VERTICES, FACES, np.array([0.3, 0.3]))
    places = texels.interpolate(VERTICES, FACES)
    assert len(places) == ((texels.rows + 1) * (texels.rows + 2) // 2).sum()
    np.testing.assert_allclose(texels.bary.sum(1), 1, atol=1e-6)
    for corner in VERTICES:
        assert (np.abs(places - corner).max(1) < 1e-6).any()
    fine = build_texel_grid(VERTICES, FACES, np.array([0.05, 0.3]))
    assert fine.rows[0] > fine.rows[1]


def test_a_linear_albedo_is_rendered_exactly_with_sh_shading() -> None:
    texels = build_texel_grid(VERTICES, FACES, np.array([0.3, 0.2]))
    colours = np.zeros((len(texels.face), 5), np.float32)
    places = texels.interpolate(VERTICES, FACES)
    colours[:, :3] = 0.4 + 0.2 * places[:, :1]
    colours[:, 4] = -2
    normal = np.array([0.3, -0.2, 0.9]) / np.linalg.norm([0.3, -0.2, 0.9])
    normals = np.tile(normal.astype(np.float32), (1, 4, 1))
    light = preset("warm-left")
    seen = rasterize(VERTICES[None], FACES, 2 * SIZE)
    [image], [mask] = render_textured(seen, FACES, texels, colours, normals, light[None], np.full((SIZE, SIZE, 3), 0.5))
    whole = seen.coverage[0].reshape(SIZE, 2, SIZE, 2).all((1, 3))
    x = np.broadcast_to((np.arange(SIZE) + 0.5) / SIZE * 2 - 1, (SIZE, SIZE))
    wanted = 255 * np.clip((0.4 + 0.2 * x)[..., None] * np.maximum(shading(normal, light), 0.02), 0, 1)
    np.testing.assert_allclose(image[whole], wanted[whole], atol=1)
    outside = ~seen.coverage[0].reshape(SIZE, 2, SIZE, 2).any((1, 3))
    assert (image[outside] == 128).all()
    assert (mask[whole] == 255).all()
    assert not mask[outside].any()


def test_the_silhouette_cutoff_hides_surfaces_that_turn_away() -> None:
    texels = build_texel_grid(VERTICES, FACES, np.array([0.5, 0.5]))
    colours = np.ones((len(texels.face), 5), np.float32)
    colours[:, 3:] = 0, 0.5
    seen, behind = rasterize(VERTICES[None], FACES, 2 * SIZE), np.zeros((SIZE, SIZE, 3))
    for z, shown in ((0.4, False), (0.6, True)):
        normals = np.tile(np.float32([np.sqrt(1 - z * z), 0, z]), (1, 4, 1))
        _, [mask] = render_textured(seen, FACES, texels, colours, normals, preset("front")[None], behind)
        assert mask.any() == shown
