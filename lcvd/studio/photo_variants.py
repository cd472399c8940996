"""Relatives of photographed people: nobody's, with the photograph's grain, and a face shape, features, colours, marks,
glasses, clothes, a hat and surroundings of their own.

The open material has two photographed faces, and a network that sees one of them learns it by heart. A relative differs
from its photograph in what makes a likeness, so that only the reference says how the face looks.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.face.square import to_pixels
from lcvd.studio.alter import disguised
from lcvd.studio.backdrop import backdrop
from lcvd.studio.camera_effects import bent, featured, toned
from lcvd.studio.dead_leaves import leaves
from lcvd.studio.face_swap import DONORS, LEAST, LENT, donor, lent
from lcvd.studio.layout import Places
from lcvd.studio.person import FADING, FARTHEST, SKINS
from lcvd.studio.photo import Photo, photo

Array = NDArray[Any]
RELATIVES = 10_000
SHAPE = 0.8
"""Standard deviations, of the head's identity directions, that a relative's shape is from the photograph's."""
GLASSES = 0.5
"""Share of relatives who wear them."""
ROOMS = 0.3
"""Share of relatives who are in a room out of focus; behind the others is a picture of nothing, or its blur."""
_FINE = 4
"""Frames of glasses are drawn on so many times as many pixels a side."""


@functools.lru_cache(maxsize=8)
def relative(identity: str, number: int, size: int) -> tuple[Photo, FaceCodes]:
    """The photograph that shows relative `number` of `identity`, all but the shape, and codes of one frame with theirs.

    Raises:
        ValueError: no photograph has that name, its package isn't installed, or another number.
    """
    if not 0 <= number < RELATIVES:
        raise ValueError(f"relatives are {identity}-0 to {identity}-{RELATIVES - 1}; there is no {identity}-{number}")
    rng = np.random.default_rng([number, 83])
    mirrored = bool(rng.integers(2))
    still = photo(identity, size, mirrored)
    head = load_head(still.codes.head)
    steps = np.arange(len(head.identity_basis))
    shape = SHAPE * np.exp(-steps / FADING) * rng.standard_normal(len(steps))
    codes = still.codes.replace(
        identity=np.clip(still.codes.identity + shape, -2 * FARTHEST, 2 * FARTHEST).astype(np.float32)
    )
    places = _places_of(still, head)
    picture = still.picture.astype(np.float32)
    if rng.uniform() < LENT:
        whole = lent(picture, places, donor(identity, mirrored, int(rng.integers(DONORS)), size))
        picture += rng.uniform(LEAST, 1.0) * (whole - picture)
    picture = featured(_coloured(picture, places.skin, rng), places, rng)
    picture, matte = disguised(picture, places, rng)
    if rng.uniform() < GLASSES:
        picture = _with_glasses(picture, places.eyes, rng)
    behind = backdrop(number + 7, size) if rng.uniform() < ROOMS else leaves(rng, size)
    picture, matte = bent(picture, matte, places.skin, rng)
    picture = toned(picture, rng)
    return replace(still, picture=_bytes(picture), background=_bytes(255 * behind), matte=matte), codes


def _places_of(still: Photo, head: Head) -> Places:
    """Where eyes, mouth, chin and skin are in the photograph. Skin is the face, and the neck below it, soft."""
    size, codes = len(still.picture), still.codes
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)

    def pixels(points: Array) -> Array:
        return to_pixels(place(points, codes)[0, :, :2], size)

    five, corners = pixels(head.five_points(vertices)), pixels(vertices)[head.hint_faces]
    left, right = np.quantile(corners[..., 0], (0.1, 0.9))
    mouth, chin = np.quantile(corners[..., 1], (0.8, 1.0))
    skin: Array = np.zeros((size, size), np.float32)
    cv2.fillPoly(skin, list(np.rint(corners).astype(np.int32)), 1.0)
    skin[int(mouth) : int(1.4 * chin - 0.4 * mouth), int(left) : int(right)] = 1
    skin = cv2.GaussianBlur(skin, (0, 0), size / 60)
    return Places(five[:2], five[3:], float(chin), skin, still.matte)


def _bytes(picture: Array) -> Array:
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _coloured(picture: Array, skin: Array, rng: np.random.Generator) -> Array:
    """The picture with another skin, and hair and clothes of other colours."""
    tone = rng.uniform() * (len(SKINS) - 1)
    ramp = np.array([np.interp(tone, range(len(SKINS)), channel) for channel in SKINS.T]) / SKINS[0]
    hsv = cv2.cvtColor(picture / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 12 * rng.standard_normal()) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.15, 1.2), 0, 1)
    rest = 255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * np.exp(0.4 * rng.standard_normal())
    share = skin[..., None]
    return np.clip(share * picture * ramp * rng.uniform(0.9, 1.1) + (1 - share) * rest, 0, 255)


def _with_glasses(picture: Array, eyes: Array, rng: np.random.Generator) -> Array:
    """The picture with frames around `eyes`, lenses a little tinted, a bridge and temples."""
    size = len(picture) * _FINE
    across = eyes[1] - eyes[0]
    apart, angle = float(np.hypot(*across)), float(np.degrees(np.arctan2(*across[::-1])))
    half = apart * np.array([rng.uniform(0.34, 0.43), rng.uniform(0.24, 0.36)])
    width = max(2, round(_FINE * apart * rng.uniform(0.03, 0.1)))
    along, down = across / apart, np.array([-across[1], across[0]]) / apart
    centres = eyes + down * apart * rng.uniform(0.0, 0.08)
    rims, lenses = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    power = rng.choice([2.0, 4.0])  # an ellipse, or nearly a rectangle
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    outline = np.stack([np.cos(turn), np.sin(turn)], -1)
    outline = np.sign(outline) * np.abs(outline) ** (2 / power)
    rotation = cv2.getRotationMatrix2D((0, 0), -angle, 1.0)[:, :2]
    for centre, outward in zip(centres, (-1, 1), strict=True):
        points = np.rint(_FINE * (centre + (outline * half) @ rotation.T)).astype(np.int32)
        cv2.fillPoly(lenses, [points], 1.0)
        cv2.polylines(rims, [points], True, 1.0, width)
        hinge = centre + outward * along * half[0] - down * half[1] * 0.4
        _stroke(rims, hinge, hinge + outward * along * apart * 0.55 - down * apart * 0.04, width)
    inner = centres + np.array([1, -1])[:, None] * along * half[0] - down * half[1] * 0.3
    _stroke(rims, inner[0], inner[1], width)
    small = (len(picture), len(picture))
    rim, lens = (cv2.resize(cover, small, interpolation=cv2.INTER_AREA)[..., None] for cover in (rims, lenses))
    colour = rng.choice(np.array([[20, 18, 18], [60, 36, 22], [150, 120, 70], [90, 90, 95], [110, 30, 35]]))
    tinted = picture * (1 - lens * rng.uniform(0.0, 0.35) * rng.uniform(0.6, 1.0, 3)) + 18 * lens * rng.uniform()
    return (1 - rim) * tinted + rim * colour


def _stroke(cover: Array, start: Array, end: Array, width: int) -> None:
    first, last = (np.rint(_FINE * point).astype(int).tolist() for point in (start, end))
    cv2.line(cover, first, last, 1.0, width)
