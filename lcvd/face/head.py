"""The open head model: a linear face model cut from MakeHuman (CC0), annotated with MediaPipe's landmarks.

``scripts/cut_head.py`` writes its asset, and ``assets/README.md`` lists the sources. Model space: y up, z towards the
camera, x to the right of the image, origin between the ears; the unit is the height of the mean head from chin to crown.
Head motion is a rotation about the origin. The jaw is part of the expression.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcvd.array import Array
from lcvd.errors import FileError, UsageError

ASSETS = Path(__file__).parent / "assets"
_FILES = {"open-head/1": "open_head.npz"}
_EYES, _NOSE, _MOUTH = ((33, 133), (263, 362)), (4,), ((61,), (291,))
"""MediaPipe landmarks of the eye corners, the nose tip and the mouth corners, image left before right."""


@dataclass(frozen=True)
class Head:
    """A head model with K identity directions (standard normal), E expressions in [0, 1] and V vertices.

    template (V, 3), identity_basis (K, V, 3), expression_basis (E, V, 3) float32. faces (F, 3) int64 are the triangles of
    the whole head; `face_parts` (F,) indexes `parts`. hint_faces (Fh, 3) are the triangles rendered in hints: forehead,
    nose, cheeks, lips, eyelids, chin (corresponds to spec C3). Landmark i of `landmark_indices` (L,) (MediaPipe's numbers)
    has barycentric coordinates `landmark_weights[i]` (3,) on the vertices `landmark_corners[i]` (3,). `landmark_trust`
    (L,) in (0, 1] is the reliability of MediaPipe's position. `mirror` (V,) is each vertex's mirror image.
    """

    name: str
    template: Array
    identity_basis: Array
    expression_basis: Array
    expression_names: tuple[str, ...]
    faces: Array
    face_parts: Array
    parts: tuple[str, ...]
    hint_faces: Array
    landmark_indices: Array
    landmark_corners: Array
    landmark_weights: Array
    landmark_trust: Array
    mirror: Array
    hint_weights: None = None
    """All triangles have equal weight in the normals."""

    def shape(self, identity: Array, expression: Array) -> Array:
        """Return the unrotated vertices (T, V, 3) for identity (K,) and expression (T, E)."""
        still = self.template + np.tensordot(np.asarray(identity, np.float32), self.identity_basis, 1)
        return still + np.tensordot(np.asarray(expression, np.float32), self.expression_basis, 1)

    def vertices(self, identity: Array, expression: Array, pose: Array) -> Array:
        """Return the posed vertices (T, V, 3) float32 for identity (K,), expression (T, E) and axis-angle pose (T, 3) in
        radians."""
        turned: Array = self.shape(identity, expression) @ rotations(pose).astype(np.float32).swapaxes(1, 2)
        return turned

    def landmarks(self, vertices: Array) -> Array:
        """Return the positions (T, L, 3) of the landmarks `landmark_indices` on vertices (T, V, 3)."""
        return np.einsum("lk,tlkc->tlc", self.landmark_weights, vertices[:, self.landmark_corners])

    def five_points(self, vertices: Array) -> Array:
        """Return eyes, nose tip and mouth corners (T, 5, 3) of vertices (T, V, 3), image left before right."""
        rows = {int(number): row for row, number in enumerate(self.landmark_indices)}
        points = self.landmarks(vertices)
        groups = (*_EYES, _NOSE, *_MOUTH)
        return np.stack([points[:, [rows[number] for number in group]].mean(axis=1) for group in groups], axis=1)


def rotations(pose: Array) -> Array:
    """Return rotation matrices (T, 3, 3) float64 of axis-angle vectors (T, 3) in radians."""
    pose = np.asarray(pose, np.float64)
    angle = np.linalg.norm(pose, axis=-1)[:, None, None]
    cross = np.zeros((len(pose), 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = pose
    cross[:, [1, 2, 0], [2, 0, 1]] = -pose
    half = np.sinc(angle / (2 * np.pi)) ** 2 / 2  # (1 - cos a) / a^2, smooth at 0
    return np.eye(3) + np.sinc(angle / np.pi) * cross + half * (cross @ cross)


@functools.cache
def load_head(name: str = "open-head/1") -> Head:
    """Load the head model `name`.

    Raises:
        ValueError: there is no such model, or its asset is incomplete.
    """
    if name not in _FILES:
        raise UsageError(f"head model {name!r} doesn't exist; choose one of {', '.join(sorted(_FILES))}")
    path = ASSETS / _FILES[name]
    with np.load(path, allow_pickle=False) as file:
        asset = {key: file[key] for key in file.files}
    try:
        return unpack(name, asset)
    except KeyError as error:
        raise FileError(f"{path}: {error} is missing; write the asset again with scripts/cut_head.py") from None


def unpack(name: str, asset: dict[str, Array]) -> Head:
    """Build the dense bases from the asset's sparse displacements, which are integer multiples of `unit`."""
    template, unit = asset["template"], asset["unit"]
    count = len(template)
    # Remove rigid motion and scaling of the whole face from identity: the pose and the camera represent them.
    rigid = rigid_motions(template).reshape(7, -1)
    targets = (_dense(asset, "target", count) * unit).reshape(-1, 3 * count)
    identity = (asset["target_mix"] @ targets + asset["rigid_mix"] @ rigid).reshape(-1, count, 3)
    return Head(
        name=name,
        template=template,
        identity_basis=identity,
        expression_basis=_dense(asset, "expression", count) * unit,
        expression_names=tuple(str(word) for word in asset["expression_names"]),
        faces=asset["faces"].astype(np.int64),
        face_parts=asset["face_parts"],
        parts=tuple(str(word) for word in asset["parts"]),
        hint_faces=asset["faces"][asset["hint"]].astype(np.int64),
        landmark_indices=asset["landmark_indices"].astype(np.int64),
        landmark_corners=asset["landmark_corners"].astype(np.int64),
        landmark_weights=asset["landmark_weights"],
        landmark_trust=asset["landmark_trust"],
        mirror=asset["mirror"].astype(np.int64),
    )


def rigid_motions(points: Array) -> Array:
    """Return the seven infinitesimal similarity motions (7, V, 3) of points (V, 3): three shifts, three rotations, scaling."""
    shifts = np.broadcast_to(np.eye(3, dtype=points.dtype)[:, None], (3, *points.shape))
    turns = np.cross(np.eye(3, dtype=points.dtype)[:, None], points[None])
    return np.concatenate([shifts, turns, points[None]])


def _dense(asset: dict[str, Array], kind: str, count: int) -> Array:
    ends = asset[f"{kind}_ends"]
    dense = np.zeros((len(ends), count, 3), np.float32)
    row = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    dense[row, asset[f"{kind}_vertices"]] = asset[f"{kind}_moves"]
    return dense
