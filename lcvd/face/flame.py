"""The FLAME head model as used by DECA: 100 shape and 50 expression directions, head and jaw rotation, linear skinning (E2).

Model space: y up, z towards the camera, x to the right of the image, metres. The model is built from the publisher's
``generic_model.pkl`` and ``FLAME_masks.pkl``, which `lcvd.face.pickles` reads.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.face.head import rotations
from lcvd.face.pickles import PickleRefused, dense, read_arrays

NAME = "flame-2020"
SHAPE, EXPRESSION, JOINTS = 100, 50, 5
FIRST_EXPRESSION = 300
"""Index of the first expression direction. Of the file's 400 directions, the first 300 are shape directions."""
JAW = 2
"""Index of the jaw joint. The joints are root, neck, jaw and both eyes."""
_REGIONS = ("face", "right_eyeball", "left_eyeball", "nose", "lips")


@dataclass(frozen=True)
class Flame:
    """FLAME with V vertices, all arrays float32.

    template (V, 3), identity_basis (100, V, 3), expression_basis (50, V, 3), pose_basis (36, V, 3), joint_regressor
    (5, V), skin_weights (V, 5), parents (5,) with -1 for the root. faces (F, 3) are the triangles of the whole head,
    hint_faces (Fh, 3) those rendered in hints, and hint_weights (Fh,) the weight of each in the normals: 1, 2 or 3
    (spec C3). `marks` has the vertices of each of `five_points`; a point is their mean.
    """

    template: Array
    identity_basis: Array
    expression_basis: Array
    pose_basis: Array
    joint_regressor: Array
    skin_weights: Array
    parents: Array
    faces: Array
    hint_faces: Array
    hint_weights: Array
    marks: tuple[Array, ...]
    name: str = NAME

    def vertices(self, identity: Array, expression: Array, pose: Array) -> Array:
        """Return the posed vertices (T, V, 3) float32 for identity (100,), expression (T, 50) and pose (T, 6): axis-angle of
        head and jaw in radians."""
        turns = np.zeros((len(pose), JOINTS, 3))
        turns[:, 0], turns[:, JAW] = pose[:, :3], pose[:, 3:]
        turned = rotations(turns.reshape(-1, 3)).reshape(-1, JOINTS, 3, 3).astype(np.float32)
        still = self.template + np.tensordot(np.asarray(identity, np.float32), self.identity_basis, 1)
        shaped = still + np.tensordot(np.asarray(expression, np.float32), self.expression_basis, 1)
        joints = np.einsum("jv,tvc->tjc", self.joint_regressor, shaped, optimize=True)
        feature = (turned[:, 1:] - np.eye(3, dtype=np.float32)).reshape(len(pose), -1)
        shaped = shaped + np.tensordot(feature, self.pose_basis, 1)
        turn, shift = self._chain(turned, joints)
        skinned_turn = np.einsum("vj,tjab->tvab", self.skin_weights, turn, optimize=True)
        skinned: Array = (skinned_turn @ shaped[..., None])[..., 0] + self.skin_weights @ shift
        return skinned

    def five_points(self, vertices: Array) -> Array:
        """Return eyes, nose tip and mouth corners (T, 5, 3) of vertices (T, V, 3), image left before right."""
        return np.stack([vertices[:, mark].mean(axis=1) for mark in self.marks], axis=1)

    def _chain(self, turned: Array, joints: Array) -> tuple[Array, Array]:
        """Return the rigid transform of each joint relative to the rest pose: rotation (T, 5, 3, 3), shift (T, 5, 3)."""
        turn, shift = np.empty_like(turned), np.empty_like(joints)
        for j, parent in enumerate(self.parents):
            about = joints[:, j] - (turned[:, j] @ joints[:, j, :, None])[..., 0]
            if parent < 0:
                turn[:, j], shift[:, j] = turned[:, j], about
            else:
                turn[:, j] = turn[:, parent] @ turned[:, j]
                shift[:, j] = (turn[:, parent] @ about[..., None])[..., 0] + shift[:, parent]
        return turn, shift


def load_flame(model: Path, masks: Path) -> Flame:
    """Load FLAME from the publisher's ``generic_model.pkl`` and ``FLAME_masks.pkl``.

    Raises:
        PickleRefused: a file requests a function or class that arrays don't need (which isn't run), a field is missing,
            or an array's shape is inconsistent with the others.
    """
    found, regions = read_arrays(model), read_arrays(masks)

    def take(key: str, *shape: int | None) -> Array:
        if key not in found:
            raise PickleRefused(f"{model}: has no {key!r}; FLAME 2020's generic_model.pkl is needed")
        array = dense(found[key], f"{model}: {key}")
        sizes = zip(shape, array.shape, strict=False)
        if array.ndim != len(shape) or any(want not in (None, have) for want, have in sizes):
            raise PickleRefused(f"{model}: {key} is {array.shape}, expected {shape} (None: any)")
        return array

    template = take("v_template", None, 3)
    count = len(template)
    directions = take("shapedirs", count, 3, None)
    if directions.shape[2] < FIRST_EXPRESSION + EXPRESSION:
        raise PickleRefused(f"{model}: shapedirs has {directions.shape[2]} directions; FLAME 2020 has 400")
    parents = take("kintree_table", 2, JOINTS)[0].astype(np.int64)
    parents[0] = -1  # stored as a large unsigned number
    faces = take("f", None, 3).astype(np.int64)
    region = {name: _region(regions, name, count, masks) for name in _REGIONS}
    hint_faces, hint_weights = rendered_region(faces, region["face"], count)
    return Flame(
        template=template.astype(np.float32),
        identity_basis=_directions(directions[..., :SHAPE]),
        expression_basis=_directions(directions[..., FIRST_EXPRESSION : FIRST_EXPRESSION + EXPRESSION]),
        pose_basis=_directions(take("posedirs", count, 3, 9 * (JOINTS - 1))),
        joint_regressor=take("J_regressor", JOINTS, count).astype(np.float32),
        skin_weights=take("weights", count, JOINTS).astype(np.float32),
        parents=parents,
        faces=faces,
        hint_faces=hint_faces,
        hint_weights=hint_weights,
        marks=_marks(template, region),
    )


def rendered_region(faces: Array, region: Array, count: int) -> tuple[Array, Array]:
    """Return the triangles of `faces` (F, 3) with at least one vertex in `region`, and the number of such vertices of each, 1
    to 3 (spec C3). `count` is the number of vertices."""
    inside = np.zeros(count, np.int64)
    inside[region] = 1
    weights = inside[faces].sum(axis=1)
    shown = weights > 0
    return faces[shown], weights[shown].astype(np.float32)


def _region(regions: dict[str, Any], name: str, count: int, source: Path) -> Array:
    """Return the vertex indices of a region."""
    if name not in regions:
        raise PickleRefused(f"{source}: has no region {name!r}; its regions are {', '.join(map(str, regions))}")
    numbers = dense(regions[name], f"{source}: {name}").astype(np.int64).ravel()
    if not len(numbers) or not 0 <= numbers.min() <= numbers.max() < count:
        raise PickleRefused(
            f"{source}: region {name!r} has vertex indices outside 0 to {count - 1}: the file belongs to another model"
        )
    return numbers


def _marks(template: Array, region: dict[str, Array]) -> tuple[Array, ...]:
    """Return the vertices of the five points: both eyeballs, the foremost nose vertex, the outermost lip vertices."""
    nose, lips = region["nose"], region["lips"]
    tip = nose[[template[nose, 2].argmax()]]
    corners = (lips[[template[lips, 0].argmin()]], lips[[template[lips, 0].argmax()]])
    return (region["right_eyeball"], region["left_eyeball"], tip, *corners)


def _directions(stored: Array) -> Array:
    """Convert stored directions (V, 3, K) to contiguous float32 (K, V, 3)."""
    return np.ascontiguousarray(np.moveaxis(stored, -1, 0), np.float32)
