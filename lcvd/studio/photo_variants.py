"""Variants of a photograph: fictitious people with their own face shape, features, colours, marks, glasses, clothes,
hat and background.

The open material has two photographed faces, and a network trained on one of them memorises it. A variant differs from
its photograph in everything that makes up identity, so only the reference image determines the face.
"""

import functools
from dataclasses import replace

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.face.square import to_pixels
from lcvd.studio.alter import alter_appearance
from lcvd.studio.backdrop import backdrop
from lcvd.studio.camera_effects import random_warp, vary_features, vary_tones
from lcvd.studio.dead_leaves import dead_leaves
from lcvd.studio.face_swap import MIN_SWAP, SOURCE_FACES, SWAPPED, source_face, swap_face
from lcvd.studio.layout import FaceLayout, draw_outlines, ellipse
from lcvd.studio.person import IDENTITY_DECAY, IDENTITY_LIMIT, SKINS
from lcvd.studio.photo import Photo, load_photo

VARIANTS = 10_000
SHAPE_STD = 0.8
"""Standard deviation of a variant's face shape around the photograph's, in units of the head model's identity
directions."""
GLASSES = 0.5
"""Probability of glasses."""
ROOM_BACKGROUND = 0.3
"""Probability of a blurred room as the background; otherwise it is a dead-leaves image, sharp or blurred."""


@functools.lru_cache(maxsize=8)
def photo_variant(identity: str, number: int, size: int) -> tuple[Photo, FaceCodes]:
    """Variant `number` of photograph `identity`: the image with everything changed but the shape, and face codes of one
    frame with the new shape.

    Raises:
        UsageError: no photograph has that name, its package is not installed, or the number is out of range.
    """
    if not 0 <= number < VARIANTS:
        raise UsageError(f"variants are {identity}-0 to {identity}-{VARIANTS - 1}; there is no {identity}-{number}")
    rng = np.random.default_rng([number, 83])
    mirrored = bool(rng.integers(2))
    still = load_photo(identity, size, mirrored)
    head = load_head(still.codes.head)
    index = np.arange(len(head.identity_basis))
    shape = SHAPE_STD * np.exp(-index / IDENTITY_DECAY) * rng.standard_normal(len(index))
    codes = still.codes.replace(
        identity=np.clip(still.codes.identity + shape, -2 * IDENTITY_LIMIT, 2 * IDENTITY_LIMIT).astype(np.float32)
    )
    layout = _layout_of(still, head)
    image = still.image.astype(np.float32)
    if rng.uniform() < SWAPPED:
        whole = swap_face(image, layout, source_face(identity, mirrored, int(rng.integers(SOURCE_FACES)), size))
        image += rng.uniform(MIN_SWAP, 1.0) * (whole - image)
    image = vary_features(_recolour(image, layout.skin, rng), layout, rng)
    image, matte = alter_appearance(image, layout, rng)
    if rng.uniform() < GLASSES:
        image = _add_glasses(image, layout.eyes, rng)
    background = backdrop(number + 7, size) if rng.uniform() < ROOM_BACKGROUND else dead_leaves(rng, size)
    image, matte = random_warp(image, matte, layout.skin, rng)
    image = vary_tones(image, rng)
    return replace(still, image=_to_uint8(image), background=_to_uint8(255 * background), matte=matte), codes


def _layout_of(still: Photo, head: Head) -> FaceLayout:
    """Layout of the photograph. Skin is a soft mask of the face and the neck below it."""
    size, codes = len(still.image), still.codes
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
    return FaceLayout(five[:2], five[3:], float(chin), skin, still.matte)


def _to_uint8(image: Array) -> Array:
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def _recolour(image: Array, skin: Array, rng: np.random.Generator) -> Array:
    """Image with another skin tone, and other colours of hair and clothes."""
    tone = rng.uniform() * (len(SKINS) - 1)
    ramp = np.array([np.interp(tone, range(len(SKINS)), channel) for channel in SKINS.T]) / SKINS[0]
    hsv = cv2.cvtColor(image / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 12 * rng.standard_normal()) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.15, 1.2), 0, 1)
    rest = 255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * np.exp(0.4 * rng.standard_normal())
    share = skin[..., None]
    return np.clip(share * image * ramp * rng.uniform(0.9, 1.1) + (1 - share) * rest, 0, 255)


def _add_glasses(image: Array, eyes: Array, rng: np.random.Generator) -> Array:
    """Image with glasses around `eyes`: rims, slightly tinted lenses, a bridge and temples."""
    size, across = len(image), eyes[1] - eyes[0]
    eye_distance, angle = float(np.hypot(*across)), float(np.degrees(np.arctan2(*across[::-1])))
    half = eye_distance * np.array([rng.uniform(0.34, 0.43), rng.uniform(0.24, 0.36)])
    width = max(0.5, eye_distance * rng.uniform(0.03, 0.1))
    along, down = across / eye_distance, np.array([-across[1], across[0]]) / eye_distance
    centres = eyes + down * eye_distance * rng.uniform(0.0, 0.08)
    power = rng.choice([2.0, 4.0])  # an ellipse, or nearly a rectangle
    outline = ellipse(1, 1, 64)
    outline = np.sign(outline) * np.abs(outline) ** (2 / power)
    rotation = cv2.getRotationMatrix2D((0, 0), -angle, 1.0)[:, :2]
    lenses = [centre + (outline * half) @ rotation.T for centre in centres]
    lines = [np.concatenate([points, points[:1]]) for points in lenses]
    for centre, outward in zip(centres, (-1, 1), strict=True):
        hinge = centre + outward * along * half[0] - down * half[1] * 0.4
        lines.append(np.stack([hinge, hinge + outward * along * eye_distance * 0.55 - down * eye_distance * 0.04]))
    lines.append(centres + np.array([1, -1])[:, None] * along * half[0] - down * half[1] * 0.3)
    rim, lens = draw_outlines(size, lines, width)[..., None], draw_outlines(size, lenses)[..., None]
    colour = rng.choice(np.array([[20, 18, 18], [60, 36, 22], [150, 120, 70], [90, 90, 95], [110, 30, 35]]))
    tinted = image * (1 - lens * rng.uniform(0.0, 0.35) * rng.uniform(0.6, 1.0, 3)) + 18 * lens * rng.uniform()
    return (1 - rim) * tinted + rim * colour
