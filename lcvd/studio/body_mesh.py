"""The mesh of a computer-made person: the open head with hair on it and clothes below, and how the whole of it moves.

The face is the head model's, vertex for vertex, so that face codes are its truth. The neck follows the head less and less
downwards, and the shoulders hardly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.face.head import Head, rotations
from lcvd.studio.hair import lift, solids
from lcvd.studio.noise import step
from lcvd.studio.person import Person
from lcvd.studio.shoulders_mesh import above_collar, garment

Array = NDArray[Any]
PARTS = ("skin", "mouth", "eye", "teeth", "tongue", "hair", "garment")
"""What a triangle belongs to: the head's parts, then ours."""
UPPER_TEETH = (0.0, -0.024, 0.008)
"""The model's upper teeth are moved so much: a mouth that speaks shows a little of them."""
BELOW_COLLAR = -0.025
"""Skin further below the collar is left out: it would show through a thin garment."""
NECK = (-0.72, -0.36)
BODY_TURN, BODY_SHIFT = 0.15, 0.35
"""Shares of the head's turn and shift that the shoulders make."""
GAZE = 0.75
"""Share of the head's turn that the eyes make up for: they look at the camera."""


@dataclass(frozen=True)
class Figure:
    """V vertices, the head's first: `places` (V, 3) on the template or at rest, `faces` (F, 3), `parts` (F,) into `PARTS`,
    `lifted` (Vh, 3) what hair adds to the head's vertices, `solid` (V - Vh, 3) the rest at rest, `follow` (V,) how much
    each vertex follows the head, `eyes` two lists of vertices, `away` (V,) distance from the collar on a garment."""

    head: Head
    places: Array
    faces: Array
    parts: Array
    lifted: Array
    solid: Array
    follow: Array
    eyes: tuple[Array, Array]
    away: Array

    def vertices(self, codes: FaceCodes, home: Array) -> Array:
        """Posed vertices (T, V, 3) float32; `home` (3,) is the camera from which the head's shifts are counted."""
        count, head = codes.frames, self.head
        shape = head.shape(codes.identity, codes.expression)
        turns = rotations(codes.pose)
        for eye in self.eyes:
            middle = 0.5 * (shape[:, eye].max(1) + shape[:, eye].min(1))[:, None]
            back = rotations(-GAZE * codes.pose)
            shape[:, eye] = middle + (shape[:, eye] - middle) @ back.astype(np.float32).swapaxes(1, 2)
        shape = np.concatenate([shape + self.lifted, np.broadcast_to(self.solid, (count, *self.solid.shape))], axis=1)
        turned = shape @ turns.astype(np.float32).swapaxes(1, 2)
        still = shape @ rotations(BODY_TURN * codes.pose).astype(np.float32).swapaxes(1, 2)
        sway = np.zeros((count, 1, 3), np.float32)
        sway[:, 0, :2] = (BODY_SHIFT - 1) * (codes.camera[:, 1:] - home[1:])
        posed: Array = still + sway + self.follow[:, None] * (turned - still - sway)
        return posed.astype(np.float32)


def figure(who: Person, head: Head) -> Figure:
    """The mesh of a person."""
    still = np.zeros((1, len(head.expression_names)))
    shape, template = head.shape(who.identity, still)[0], head.template
    skin = head.face_parts == head.parts.index("skin")
    on_skin = np.zeros(len(template), bool)
    on_skin[head.faces[skin]] = True
    lifted = lift(template, who) * on_skin[:, None]
    lifted[_upper_teeth(head)] = UPPER_TEETH
    above = above_collar(template)
    kept = ~skin | (above[head.faces].mean(1) > BELOW_COLLAR)
    kept &= ~_hidden(head, shape)
    cloth, cloth_faces, away = garment(shape, template, head.faces[skin], who)
    hair, hair_faces = solids(who, shape + lifted, template)
    count = len(template)
    solid = np.concatenate([hair, cloth]).astype(np.float32)
    names = [PARTS.index(part) for part in head.parts]
    eyeballs = np.unique(head.faces[head.face_parts == head.parts.index("eye")])
    left = template[eyeballs, 0] < 0
    return Figure(
        head=head,
        places=np.concatenate([template, solid]).astype(np.float32),
        faces=np.concatenate([head.faces[kept], hair_faces + count, cloth_faces + count + len(hair)]).astype(np.int64),
        parts=np.concatenate([np.array(names)[head.face_parts[kept]], [5] * len(hair_faces), [6] * len(cloth_faces)]),
        lifted=lifted,
        solid=solid,
        follow=np.concatenate([_follow(template), _follow(hair), np.zeros(len(cloth))]).astype(np.float32),
        eyes=(eyeballs[left], eyeballs[~left]),
        away=np.concatenate([np.zeros(count + len(hair)), away]).astype(np.float32),
    )


def _upper_teeth(head: Head) -> Array:
    teeth = np.unique(head.faces[head.face_parts == head.parts.index("teeth")])
    height = head.template[teeth, 1]
    upper: Array = teeth[height > 0.5 * (height.min() + height.max())]
    return upper


def _hidden(head: Head, shape: Array) -> Array:
    """Triangles (F,) of the mouth's inside that are seen only from behind: a thin lip must not let them through."""
    a, b, c = shape[head.faces].swapaxes(0, 1)
    hidden: Array = (head.face_parts == head.parts.index("mouth")) & (np.cross(b - a, c - a)[:, 2] < 0)
    return hidden


def _follow(places: Array) -> Array:
    """How much places (N, 3) follow the head: all of the face, ever less of the neck."""
    return step(*NECK, places[:, 1] + 0.35 * (places[:, 2] - 0.15))
