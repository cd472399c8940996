"""Albedo of a body mesh: every part is coloured, eyes have iris and pupil, occluded vertices are darker."""

import numpy as np

from lcvd.face.head import load_head
from lcvd.studio.albedo import NO_CUTOFF, texel_colours, texel_spacing
from lcvd.studio.body_mesh import PARTS, build_body_mesh
from lcvd.studio.mesh_texture import build_texel_grid
from lcvd.studio.person import sample_person


def test_every_part_is_coloured() -> None:
    head = load_head()
    person = sample_person(2, head)
    body = build_body_mesh(person, head)
    texels = build_texel_grid(body.rest_positions, body.faces, 3 * texel_spacing(body))
    light = np.ones(len(body.rest_positions))
    found = texel_colours(body, person, texels, light)
    part = body.parts[texels.face]
    assert found.shape == (len(part), 5)
    assert 0 < found[:, :3].min() <= found[:, :3].max() <= 1
    eye = part == PARTS.index("eye")
    assert (found[eye, 3] > 0).all()
    assert (found[~eye, 3] == 0).all()
    tones = found[eye, :3].mean(-1)
    assert tones.min() < 0.05
    assert tones.max() > 0.6
    assert (found[part != PARTS.index("skin"), 4] == NO_CUTOFF).all()
    assert found[part == PARTS.index("skin"), 4].max() > 0
    np.testing.assert_allclose(texel_colours(body, person, texels, 0.5 * light)[:, :3], 0.5 * found[:, :3], atol=0.006)
