"""Portraits of computer-generated people, rendered in any pose, expression and light."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place, whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import fibonacci_sphere, preset
from lcvd.render.normals import vertex_normals
from lcvd.render.rasterize import rasterize
from lcvd.studio.albedo import texel_colours, texel_spacing
from lcvd.studio.backdrop import backdrop
from lcvd.studio.body_mesh import PARTS, BodyMesh, build_body_mesh
from lcvd.studio.mesh_texture import TexelGrid, build_texel_grid, render_textured
from lcvd.studio.person import sample_person

WINDOW = 8
CAMERA = (1.14, 0.0, 0.07)
LIPS_CLOSED = 0.12
"""Coefficient of expression `mouthClose`: the head model's lips are slightly open at rest."""
MAX_OCCLUSION = {"skin": 0.45, "garment": 0.5, "hair": 0.6, "mouth": 0.7, "teeth": 0.45, "tongue": 0.5, "eye": 0.3}
"""How much darker each part is where fully occluded."""
OCCLUSION_SIZE, OCCLUSION_VIEWS, OCCLUSION_BIAS, OCCLUSION_REACH = 192, 48, 0.02, 1.6
"""Depth maps for ambient occlusion: side in pixels, number of directions, depth tolerance, and half the width in model units."""


@dataclass(frozen=True)
class Portrait:
    """A body mesh with colours (N, 5) at `texels` in front of a background (S, S, 3); `codes` of one frame, at rest."""

    body: BodyMesh
    texels: TexelGrid
    colours: Array
    background: Array
    codes: FaceCodes

    def render(self, codes: FaceCodes) -> Iterator[tuple[Array, Array]]:
        """Windows of frames (t, S, S, 3) uint8 and portrait masks (t, S, S) uint8 in {0, 255}."""
        for start in range(0, codes.frames, WINDOW):
            part = codes.window(slice(start, start + WINDOW))
            vertices = self.body.vertices(part, self.codes.camera[0])
            seen = rasterize(place(vertices, part), self.body.faces, 2 * len(self.background))
            normals = vertex_normals(vertices, self.body.faces)
            yield render_textured(
                seen, self.body.faces, self.texels, self.colours, normals, part.light, self.background
            )


@functools.lru_cache(maxsize=8)
def build_portrait(number: int, size: int) -> Portrait:
    """The portrait of head `number`, `size` px a side.

    Raises:
        ValueError: the number is out of range.
    """
    head = load_head()
    person = sample_person(number, head)
    expression = np.zeros((1, len(head.expression_names)), np.float32)
    rest = {"mouthClose": LIPS_CLOSED, "mouthSmileLeft": person.smile, "mouthSmileRight": person.smile}
    for name, value in rest.items():
        expression[0, head.expression_names.index(name)] = value
    square = np.array([0, 0, size], np.int32)
    codes = FaceCodes(
        head=head.name,
        identity=person.identity,
        expression=expression,
        pose=np.zeros((1, 3), np.float32),
        camera=np.array([CAMERA], np.float32),
        crop=whole_square(square, 1),
        light=preset("front")[None],
        square=square,
        confidence=np.ones(1, np.float32),
    )
    body = build_body_mesh(person, head)
    still = body.vertices(codes, codes.camera[0])[0]
    texels = build_texel_grid(still, body.faces, texel_spacing(body))
    painted = texel_colours(body, person, texels, _ambient_light(body, codes))
    return Portrait(body, texels, painted, backdrop(number, size), codes)


def _ambient_light(body: BodyMesh, codes: FaceCodes) -> Array:
    """Fraction of light (V,) that reaches each vertex. Eyelids use their visibility when closed, because open ones hide
    their skin."""
    closed = codes.expression.copy()
    for side in ("Left", "Right"):
        closed[0, body.head.expression_names.index(f"eyeBlink{side}")] = 1
    views = [
        ambient_visibility(body.vertices(codes.replace(expression=each), codes.camera[0])[0], body.faces)
        for each in (codes.expression, closed)
    ]
    depth = np.zeros(len(body.rest_positions))
    for index, part in enumerate(PARTS):
        depth[body.faces[body.parts == index]] = MAX_OCCLUSION[part]
    return 1 - depth * (1 - np.maximum(*views))


def ambient_visibility(vertices: Array, faces: Array) -> Array:
    """Cosine-weighted fraction (V,) of the directions above the surface from which each of vertices (V, 3) is visible:
    soft shadows in eye sockets, ears and mouth and under the chin."""
    normals = vertex_normals(vertices[None], faces)[0]
    seen, total = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    for direction in fibonacci_sphere(OCCLUSION_VIEWS)[:, [0, 2, 1]]:  # from +y to -y
        side = np.cross(direction, (0.3, 1.0, 0.1))
        side /= np.linalg.norm(side)
        frame = np.stack([side, np.cross(side, direction), -direction])
        rotated = vertices @ frame.T / OCCLUSION_REACH + (0, 0, 2)
        depth = rasterize(rotated[None], faces, OCCLUSION_SIZE).depth[0]
        depth = np.where(depth < 0, np.inf, depth)
        column, row = np.clip(((rotated[:, :2] + 1) * OCCLUSION_SIZE / 2).astype(int), 0, OCCLUSION_SIZE - 1).T
        weight = np.clip(normals @ direction, 0, None)
        seen += weight * (rotated[:, 2] < depth[row, column] + OCCLUSION_BIAS)
        total += weight
    return seen / total
