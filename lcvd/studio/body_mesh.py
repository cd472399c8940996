"""Mesh of a computer-generated person: the open head model with hair and clothes, and its motion.

The face vertices are those of the head model, so face codes are exact ground truth. The neck follows the head less
towards the shoulders, and the shoulders hardly move.
"""

from dataclasses import dataclass

import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.head import Head, rotations
from lcvd.studio.hair import detached_hair, hair_displacement
from lcvd.studio.noise import smoothstep
from lcvd.studio.person import Person
from lcvd.studio.shoulders_mesh import build_garment, height_above_collar

PARTS = ("skin", "mouth", "eye", "teeth", "tongue", "hair", "garment")
"""Part that a triangle belongs to: the head model's parts, then hair and garment."""
UPPER_TEETH = (0.0, -0.024, 0.008)
"""Offset of the head model's upper teeth, so that a speaking mouth shows a little of them."""
BELOW_COLLAR = -0.025
"""Skin further below the collar is removed; it would show through a thin garment."""
NECK = (-0.72, -0.36)
BODY_TURN, BODY_SHIFT = 0.15, 0.35
"""Fractions of the head's rotation and translation that the shoulders follow."""
GAZE_COMPENSATION = 0.75
"""Fraction of the head's rotation that the eyes compensate for; they look at the camera."""


@dataclass(frozen=True)
class BodyMesh:
    """Mesh of V vertices; the head's come first.

    Attributes:
        rest_positions: (V, 3), on the template for the head, at rest for everything else.
        faces: triangles (F, 3).
        parts: index (F,) into `PARTS`.
        hair_offsets: (Vh, 3), added to the head's vertices by hair.
        extra_vertices: (V - Vh, 3), the other vertices at rest.
        head_weights: (V,), how much each vertex follows the head.
        eyes: vertex indices of the two eyes.
        collar_distance: (V,), distance from the collar on a garment.
    """

    head: Head
    rest_positions: Array
    faces: Array
    parts: Array
    hair_offsets: Array
    extra_vertices: Array
    head_weights: Array
    eyes: tuple[Array, Array]
    collar_distance: Array

    def vertices(self, codes: FaceCodes, home: Array) -> Array:
        """Posed vertices (T, V, 3) float32. `home` (3,) is the camera relative to which head translation is measured."""
        count, head = codes.frames, self.head
        shape = head.shape(codes.identity, codes.expression)
        rotation = rotations(codes.pose)
        for eye in self.eyes:
            middle = 0.5 * (shape[:, eye].max(1) + shape[:, eye].min(1))[:, None]
            back = rotations(-GAZE_COMPENSATION * codes.pose)
            shape[:, eye] = middle + (shape[:, eye] - middle) @ back.astype(np.float32).swapaxes(1, 2)
        others = np.broadcast_to(self.extra_vertices, (count, *self.extra_vertices.shape))
        shape = np.concatenate([shape + self.hair_offsets, others], axis=1)
        rotated = shape @ rotation.astype(np.float32).swapaxes(1, 2)
        neutral = shape @ rotations(BODY_TURN * codes.pose).astype(np.float32).swapaxes(1, 2)
        sway = np.zeros((count, 1, 3), np.float32)
        sway[:, 0, :2] = (BODY_SHIFT - 1) * (codes.camera[:, 1:] - home[1:])
        posed: Array = neutral + sway + self.head_weights[:, None] * (rotated - neutral - sway)
        return posed.astype(np.float32)


def build_body_mesh(person: Person, head: Head) -> BodyMesh:
    """Build the mesh of a person."""
    neutral = np.zeros((1, len(head.expression_names)))
    shape, template = head.shape(person.identity, neutral)[0], head.template
    skin = head.face_parts == head.parts.index("skin")
    on_skin = np.zeros(len(template), bool)
    on_skin[head.faces[skin]] = True
    hair_offsets = hair_displacement(template, person) * on_skin[:, None]
    hair_offsets[_upper_teeth(head)] = UPPER_TEETH
    above = height_above_collar(template)
    kept = ~skin | (above[head.faces].mean(1) > BELOW_COLLAR)
    kept &= ~_back_facing_mouth(head, shape)
    cloth, cloth_faces, collar_distance = build_garment(shape, template, head.faces[skin], person)
    hair, hair_faces = detached_hair(person, shape + hair_offsets, template)
    count = len(template)
    extra_vertices = np.concatenate([hair, cloth]).astype(np.float32)
    names = [PARTS.index(part) for part in head.parts]
    eyeballs = np.unique(head.faces[head.face_parts == head.parts.index("eye")])
    left = template[eyeballs, 0] < 0
    head_weights = np.concatenate([_head_weights(template), _head_weights(hair), np.zeros(len(cloth))])
    return BodyMesh(
        head=head,
        rest_positions=np.concatenate([template, extra_vertices]).astype(np.float32),
        faces=np.concatenate([head.faces[kept], hair_faces + count, cloth_faces + count + len(hair)]).astype(np.int64),
        parts=np.concatenate([np.array(names)[head.face_parts[kept]], [5] * len(hair_faces), [6] * len(cloth_faces)]),
        hair_offsets=hair_offsets,
        extra_vertices=extra_vertices,
        head_weights=head_weights.astype(np.float32),
        eyes=(eyeballs[left], eyeballs[~left]),
        collar_distance=np.concatenate([np.zeros(count + len(hair)), collar_distance]).astype(np.float32),
    )


def _upper_teeth(head: Head) -> Array:
    teeth = np.unique(head.faces[head.face_parts == head.parts.index("teeth")])
    height = head.template[teeth, 1]
    upper: Array = teeth[height > 0.5 * (height.min() + height.max())]
    return upper


def _back_facing_mouth(head: Head, shape: Array) -> Array:
    """Mask (F,) of back-facing triangles inside the mouth; they would show through thin lips."""
    a, b, c = shape[head.faces].swapaxes(0, 1)
    hidden: Array = (head.face_parts == head.parts.index("mouth")) & (np.cross(b - a, c - a)[:, 2] < 0)
    return hidden


def _head_weights(positions: Array) -> Array:
    """How much each of positions (N, 3) follows the head: fully on the face, less and less down the neck."""
    return smoothstep(*NECK, positions[:, 1] + 0.35 * (positions[:, 2] - 0.15))
