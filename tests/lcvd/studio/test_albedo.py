"""Colours of a whole figure: every part painted, eyes with iris and pupil, darker where light hardly reaches."""

from __future__ import annotations

import numpy as np

from lcvd.face.head import load_head
from lcvd.studio.albedo import SMOOTH, colours, spacing
from lcvd.studio.body_mesh import PARTS, figure
from lcvd.studio.mesh_texture import lay_out
from lcvd.studio.person import person


def test_every_part_has_its_colours() -> None:
    head = load_head()
    who = person(2, head)
    body = figure(who, head)
    texels = lay_out(body.places, body.faces, 3 * spacing(body))
    light = np.ones(len(body.places))
    found = colours(body, who, texels, light)
    part = body.parts[texels.face]
    assert found.shape == (len(part), 5)
    assert 0 < found[:, :3].min() <= found[:, :3].max() <= 1
    eye = part == PARTS.index("eye")
    assert (found[eye, 3] > 0).all()
    assert (found[~eye, 3] == 0).all()
    tones = found[eye, :3].mean(-1)
    assert tones.min() < 0.05
    assert tones.max() > 0.6
    assert (found[part != PARTS.index("skin"), 4] == SMOOTH).all()
    assert found[part == PARTS.index("skin"), 4].max() > 0
    np.testing.assert_allclose(colours(body, who, texels, 0.5 * light)[:, :3], 0.5 * found[:, :3], atol=0.006)
