"""Locate MediaPipe's landmarks on the head model by running MediaPipe on painted portraits of many heads.

No photograph and no manual annotation is needed. Each landmark detected in an image is mapped to the surface point
shown at its pixel. The median of these positions over heads, expressions, views and lights is the landmark's position.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from mediapipe.python.solutions import face_mesh, face_mesh_connections
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from lcvd.face.geometry import project
from lcvd.face.head import Head, rotations
from lcvd.render.hints import surface_of
from lcvd.render.rasterize import interpolate
from scripts.head_source import Source

SIZE = 640
MESH = 468
SIDE = 0.15
"""Landmarks further from the symmetry plane, in head heights, belong to a side."""
INNER_LIPS = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
UPPER = 10
"""Entries 1..9 of `INNER_LIPS` are on the upper lip, those after 10 on the lower one."""
BROW = np.array([[0.10, 7.50], [0.20, 7.535], [0.32, 7.545], [0.42, 7.52], [0.50, 7.47]])
"""Centre line of the right-hand brow on the mean head, in decimetres of the source."""
MILD_EXPRESSIONS = (
    "jawOpen",
    "mouthSmileLeft",
    "mouthSmileRight",
    "browInnerUp",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "mouthPucker",
    "eyeWideLeft",
    "eyeWideRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
)


@dataclass(frozen=True)
class Paint:
    """Amount of lip, brow and hair colour per vertex of the head, (V,) each in [0, 1]."""

    lips: np.ndarray
    brow: np.ndarray
    hair: np.ndarray


def paint(source: Source, used: np.ndarray, quads: np.ndarray, rows: np.ndarray) -> Paint:
    """Paint for the head whose vertices are `used` of the source, with quads of the source's `rows`."""
    lips, ears, seen = (np.zeros(len(used)) for _ in range(3))
    for total, name in ((lips, "lips"), (ears, "ears")):
        np.add.at(total, quads, source.mask(name)[rows])
    np.add.at(seen, quads, 1)
    position = source.mean[used]
    across, up = np.abs(position[:, 0]), position[:, 1]
    flat = np.stack([across, up], 1)
    brow = 1.3 - np.min([_to_segment(flat, a, b) for a, b in itertools.pairwise(BROW)], axis=0) / 0.035
    crown = (up - 7.95 + 0.35 * across**2) / 0.08
    back = np.where(up > 7.0, (0.75 - position[:, 2]) / 0.1, 0)
    hair = np.clip(np.maximum(crown, back), 0, 1) * (ears / seen < 0.5)
    return Paint(lips / seen, np.clip(brow, 0, 1) * (position[:, 2] > 1.0), hair)


def _to_segment(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(points - a - along[:, None] * (b - a), axis=1)


def portrait(head: Head, paint_values: Paint, shape: np.ndarray, pose: np.ndarray, rng: np.random.Generator):  # noqa: ANN201
    """A painted image (SIZE, SIZE, 3) uint8 of a head shape (V, 3), its NDC (V, 3) and the rasterised fragments."""
    turned = (shape @ rotations(pose[None])[0].T)[None].astype(np.float32)
    camera = np.array([[1.35, 0, -0.02]])
    ndc = project(turned, camera)
    # Perspective of a camera at a distance of about 70 cm: MediaPipe was trained on photographs, not on orthographic
    # images.
    near = 3.2 / (3.2 - turned[..., 2:])
    ndc[..., :2] *= near
    surface = surface_of(turned, ndc, head.faces, SIZE)
    values = np.concatenate(
        [paint_values.lips[:, None], paint_values.brow[:, None], paint_values.hair[:, None], head.template], 1
    )
    lips, brow, hair, *_ = np.moveaxis(interpolate(surface.fragments, head.faces, values[None])[0], -1, 0)[..., None]
    part = np.where(surface.coverage, head.face_parts[surface.fragments.face_index], -1)[0]
    tone = np.array([205, 155, 130.0]) * rng.uniform(0.45, 1.1) * rng.uniform(0.93, 1.07, 3)
    skin = tone * (1 - lips) + lips * tone * (0.92, 0.56, 0.62)
    dark = np.array([50, 34, 28.0]) * rng.uniform(0.4, 2.2)
    cover = np.clip(0.8 * brow + hair, 0, 1)
    image = skin * (1 - cover) + cover * dark
    for index, colour in ((1, (70, 25, 25)), (3, (235, 230, 215)), (4, (190, 100, 100))):
        image[part == index] = colour
    _paint_eyes(image, head, surface, shape, part == 2)
    normal = surface.normals[0] / np.maximum(np.linalg.norm(surface.normals[0], axis=-1, keepdims=True), 1e-6)
    lamp = np.array([rng.normal(0, 0.5), rng.normal(0.3, 0.3), 1])
    shade = 0.5 + 0.55 * np.clip(normal @ (lamp / np.linalg.norm(lamp)), 0, 1)
    image = np.where(part[..., None] >= 0, image * shade[..., None], rng.uniform(40, 210, 3))
    return np.clip(image, 0, 255).astype(np.uint8), ndc[0], surface.fragments


def _paint_eyes(image: np.ndarray, head: Head, surface, shape: np.ndarray, eye: np.ndarray) -> None:  # noqa: ANN001
    """Sclera, iris and pupil, selected by the angle from the optical axis."""
    position = interpolate(surface.fragments, head.faces, shape[None].astype(np.float32))[0]
    corners = np.unique(head.faces[head.face_parts == 2])
    for side in (-1, 1):
        centre = shape[corners[side * shape[corners, 0] > 0]].mean(0)
        mine = eye & (side * position[..., 0] > 0)
        ray = position[mine] - centre
        angle = np.arccos(ray[:, 2] / np.linalg.norm(ray, axis=1))[:, None]
        image[mine] = np.where(angle < 0.18, (15, 12, 12), np.where(angle < 0.42, (85, 60, 40), (235, 232, 228)))


def locate_landmarks(
    head: Head, paint_values: Paint, rims: list[np.ndarray], count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (count, 468, 3) of the landmarks on the template, and the yaw of each head (count,).

    A position is nan if the surface is seen at a grazing angle. Yaw is in radians, positive to the right of the image.
    Landmarks on the rims of lids and lips are located along these rims (`rims`: loops of vertices of right eye, left
    eye and lips), the others on the skin.
    """
    face_mesh_model = face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3)
    rng = np.random.default_rng(seed)
    detected, turned = np.full((count, MESH, 3), np.nan), rng.uniform(-0.65, 0.65, count)
    mild = [head.expression_names.index(name) for name in MILD_EXPRESSIONS]
    for number in range(count):
        identity = 0.7 * rng.standard_normal(len(head.identity_basis))
        expression = np.zeros((1, len(head.expression_names)))
        expression[0, mild] = np.clip(rng.normal(-0.1, 0.25, len(mild)), 0, 0.7)
        shape = head.shape(identity, expression)[0]
        pose = np.array([rng.normal(0, 0.14), turned[number], rng.normal(0, 0.09)])
        image, ndc, fragments = portrait(head, paint_values, shape, pose, rng)
        faces = face_mesh_model.process(image).multi_face_landmarks
        if faces:
            flat = np.array([(p.x, p.y) for p in faces[0].landmark[:MESH]]) * SIZE
            detected[number] = _locate_on_skin(head, fragments, flat, (shape @ rotations(pose[None])[0].T))
            _locate_on_rims(head, rims, (ndc[:, :2] + 1) * SIZE / 2, flat, detected[number])
    face_mesh_model.close()
    return detected, turned


def _locate_on_skin(head: Head, fragments, flat: np.ndarray, turned: np.ndarray) -> np.ndarray:  # noqa: ANN001
    x, y = np.clip(flat.astype(int), 0, SIZE - 1).T
    face, bary = fragments.face_index[0, y, x], fragments.bary[0, y, x]
    corners = head.faces[face]
    a, b, c = turned[corners].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    frontal = normal[:, 2] > 0.25 * np.linalg.norm(normal, axis=1)
    position = np.einsum("lk,lkc->lc", bary, head.template[corners])
    position[(face < 0) | (head.face_parts[face] != 0) | ~frontal] = np.nan
    return position


def ring_landmarks() -> list[list[int]]:
    """MediaPipe's landmarks on the rims of the right lids, the left lids and the inner lips."""
    lids = [
        sorted({i for edge in edges for i in edge})
        for edges in (face_mesh_connections.FACEMESH_RIGHT_EYE, face_mesh_connections.FACEMESH_LEFT_EYE)
    ]
    return [*lids, INNER_LIPS]


def _locate_on_rims(
    head: Head, rims: list[np.ndarray], pixels: np.ndarray, flat: np.ndarray, positions: np.ndarray
) -> None:
    for rim, marks in zip(rims, ring_landmarks(), strict=True):
        for order, mark in enumerate(marks):
            a, b = rim, np.roll(rim, -1)
            if marks is INNER_LIPS or len(marks) == len(INNER_LIPS):
                upper = head.template[rim, 1] >= head.template[rim, 1].mean()
                keep = upper if 0 < order < UPPER else ~upper if order > UPPER else np.ones(len(rim), bool)
                a, b = a[keep & np.roll(keep, -1)], b[keep & np.roll(keep, -1)]
            start, edge = pixels[a], pixels[b] - pixels[a]
            along = np.clip(((flat[mark] - start) * edge).sum(1) / np.maximum((edge**2).sum(1), 1e-12), 0, 1)
            distance = np.linalg.norm(start + along[:, None] * edge - flat[mark], axis=1)
            best = distance.argmin()
            ends = head.template[[a[best], b[best]]]
            positions[mark] = ends[0] + along[best] * (ends[1] - ends[0]) if distance[best] < 0.03 * SIZE else np.nan


def median_landmarks(detected: np.ndarray, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median positions (468, 3), made symmetric, and their spread (468,).

    Landmarks on one side are taken only from heads that turn this side towards the camera; otherwise they are on the
    silhouette.
    """
    middle = np.nanmedian(detected, axis=0)
    side = np.where(np.abs(middle[:, 0]) > SIDE, np.sign(middle[:, 0]), 0)
    detected = np.where((side * turned[:, None] > -0.15)[..., None] & (side != 0)[:, None], np.nan, detected)
    middle = np.nanmedian(detected, axis=0)
    spread = np.nanmedian(np.linalg.norm(detected - middle, axis=-1), axis=0)
    flip = np.array([-1.0, 1, 1])
    distance = np.linalg.norm(middle[:, None] - (middle * flip)[None], axis=-1)
    _, twin = linear_sum_assignment(distance + distance.T)
    return 0.5 * (middle + middle[twin] * flip), 0.5 * (spread + spread[twin])


def snap_to_surface(head: Head, positions: np.ndarray, rims: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points on the skin, or on the rims for landmarks there: vertices (468, 3) and weights (468, 3)."""
    skin = head.faces[head.face_parts == 0]
    corners, weights = np.zeros((MESH, 3), np.int64), np.zeros((MESH, 3))
    near = cKDTree(head.template[skin].mean(1))
    for mark, position in enumerate(positions):
        some = skin[near.query(position, 24)[1]]
        bary, distance = zip(*(_closest(position, head.template[tri].astype(float)) for tri in some), strict=True)
        best = int(np.argmin(distance))
        corners[mark], weights[mark] = some[best], bary[best]
    for rim, marks in zip(rims, ring_landmarks(), strict=True):
        a, b = rim, np.roll(rim, -1)
        start, edge = head.template[a], head.template[b] - head.template[a]
        for mark in marks:
            along = np.clip(((positions[mark] - start) * edge).sum(1) / (edge**2).sum(1), 0, 1)
            best = np.linalg.norm(start + along[:, None] * edge - positions[mark], axis=1).argmin()
            corners[mark], weights[mark] = (a[best], b[best], b[best]), (1 - along[best], along[best], 0)
    return corners, weights


def _closest(point: np.ndarray, triangle: np.ndarray) -> tuple[np.ndarray, float]:
    """Barycentric coordinates of the point of a triangle nearest to `point`, and the distance."""
    a, edges = triangle[0], (triangle[1:] - triangle[0]).T
    inside = np.linalg.lstsq(edges, point - a, rcond=None)[0]
    options = [np.array([1 - inside.sum(), *inside])] if inside.min() >= 0 and inside.sum() <= 1 else []
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = triangle[j] - triangle[i]
        along = np.clip((point - triangle[i]) @ edge / (edge @ edge), 0, 1)
        bary = np.zeros(3)
        bary[i], bary[j] = 1 - along, along
        options.append(bary)
    distances = [float(np.linalg.norm(option @ triangle - point)) for option in options]
    return options[int(np.argmin(distances))], min(distances)
