"""The colours of a whole figure: each part's albedo at its texels, darkened where light hardly reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.studio.body_mesh import PARTS, Figure
from lcvd.studio.hair import BRIM, CENTRE, height
from lcvd.studio.mesh_texture import Texels
from lcvd.studio.noise import mix, noise, step
from lcvd.studio.person import Person
from lcvd.studio.skin import scalp, skin

Array = NDArray[Any]
INSIDE = {"mouth": (0.42, 0.15, 0.14), "teeth": (0.84, 0.80, 0.72), "tongue": (0.62, 0.31, 0.30)}
SCLERA, PUPIL = np.array([0.80, 0.77, 0.74]), np.array([0.02, 0.018, 0.018])
IRIS_ANGLE, PUPIL_ANGLE = 0.47, 0.19
GLINT = 0.75
SMOOTH = -1.5
"""A wisp that leaves nothing out."""
SPACING, FINE = 0.006, 0.0028
"""Distance of texels in head heights, and in eyes, on lids and on lips."""


def spacing(body: Figure) -> Array:
    """How far apart texels may be on each triangle (F,)."""
    centre = body.places[body.faces].mean(1)
    detailed = (centre[:, 2] > 0.28) & (np.abs(centre[:, 0]) < 0.25) & (centre[:, 1] > -0.27) & (centre[:, 1] < 0.25)
    fine = (body.parts == PARTS.index("eye")) | (detailed & (body.parts == PARTS.index("skin")))
    far = np.where(body.parts == PARTS.index("garment"), 2 * SPACING, SPACING)
    return np.where(fine, FINE, far)


def colours(body: Figure, who: Person, texels: Texels, open_share: Array) -> Array:
    """Colours (N, 5) float32 of the texels: albedo, glint, wisp (see `lcvd.studio.mesh_texture.paint`); `open_share` (V,) in [0, 1] is how much of the sky each
    vertex sees."""
    places = texels.spread(body.places, body.faces)
    light = texels.spread(open_share[:, None], body.faces)[:, 0]
    part = body.parts[texels.face]
    colour = np.zeros((len(places), 5), np.float32)
    colour[:, 4] = SMOOTH

    def fill(name: str, values: Array) -> None:
        colour[part == PARTS.index(name), :3] = values

    def at(name: str) -> Array:
        return places[part == PARTS.index(name)].astype(np.float64)

    head_skin = at("skin")
    fill("skin", mix(skin(head_skin, who, body.head), top(head_skin, who), scalp(head_skin, who)))
    colour[part == PARTS.index("skin"), 4] = wisps(head_skin, who)
    for name, tone in INSIDE.items():
        fill(name, np.array(tone) * (1 + 0.08 * noise(at(name), (who.seed, 61), 0.03, 2))[:, None])
    white = part == PARTS.index("eye")
    colour[white, :3] = _eyes(body, places[white], who)
    colour[white, 3] = GLINT
    fill("hair", _strands(at("hair"), who))
    cloth = part == PARTS.index("garment")
    colour[cloth, :3] = _cloth(places[cloth], texels.spread(body.away[:, None], body.faces)[cloth, 0], who)
    colour[:, :3] = np.clip(colour[:, :3] * light[:, None], 0.005, 1)
    return colour


def top(places: Array, who: Person) -> Array:
    """Albedo (N, 3) of hair or beanie on the scalp."""
    return _wool(places, who) if who.hair == "beanie" else _strands(places, who)


def wisps(places: Array, who: Person) -> Array:
    """How ragged the outline of hair is at places (N, 3) of the scalp, as `paint` takes it: (N,)."""
    if who.hair in ("bald", "bun", "beanie"):
        return np.full(len(places), SMOOTH)
    ragged = {"buzz": 0.06, "curls": 0.34, "full": 0.26, "bob": 0.1}.get(who.hair, 0.2)
    lumps = noise(places, (who.seed, 19), 0.016 if who.hair == "curls" else 0.009, 2)
    hairy = step(0.07, 0.16, height(places, who))
    return SMOOTH + hairy * (ragged * np.clip(0.5 + 0.9 * lumps, 0, 1) - SMOOTH)


def _strands(places: Array, who: Person) -> Array:
    """Hair: strands that run from the crown down, lighter and darker, with locks among them."""
    # Strands run away from the whorl; noise that is stretched along them looks like strands.
    whorl, across, forth = _whorl(who)
    ray = places - CENTRE
    ray = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    around = np.arctan2(ray @ across, ray @ forth)
    combed = np.stack([np.sin(around), np.cos(around), 0.35 * (ray @ whorl)], axis=-1)
    if who.hair in ("curls", "buzz"):
        fine, locks = noise(places, (who.seed, 16), 0.012, 2), noise(places, (who.seed, 17), 0.035, 2)
    else:
        fine = noise(combed, (who.seed, 16), (0.022, 0.022, 0.25), 2)
        locks = noise(combed, (who.seed, 17), (0.16, 0.16, 0.5), 2)
    strength = 0.55 if who.hair == "curls" else 0.4
    tone = who.hair_colour + 0.015
    grey = 0.25 * np.maximum(fine, 0)[:, None] * (0.18, 0.16, 0.14)
    return tone * np.exp(strength * (fine + 0.9 * locks))[:, None] + grey


def _whorl(who: Person) -> tuple[Array, Array, Array]:
    """Directions (3,) of the place on the skull that hair grows away from, and two across it."""
    side = float(np.random.default_rng([who.seed, 20]).choice([-1, 1]))
    place = {"bun": (0.0, 0.8, -0.6), "bob": (0.12 * side, 1.0, 0.25)}.get(who.hair, (0.45 * side, 0.9, 0.35))
    whorl = np.array(place) / np.linalg.norm(place)
    across = np.cross((0, 0, 1.0), whorl)
    across /= np.linalg.norm(across)
    return whorl, across, np.cross(whorl, across)


def _wool(places: Array, who: Person) -> Array:
    around = np.arctan2(places[:, 0], places[:, 2] + 0.04)
    above = height(places, who)
    ribs = np.cos(52 * around) * step(0.6, 0.3, above)
    rows = np.cos(2 * np.pi * above / 0.02)
    fold = np.exp(-(((above - BRIM) / 0.01) ** 2))
    grain = noise(places, (who.seed, 18), 0.01, 2)
    return who.second_cloth * (1 + 0.14 * ribs + 0.05 * rows + 0.12 * grain - 0.35 * fold)[:, None]


def _eyes(body: Figure, places: Array, who: Person) -> Array:
    """White with a little red and shadow, iris with a dark ring, pupil, by the angle from straight ahead."""
    colour = np.empty_like(places)
    for eye in body.eyes:
        ball = body.head.template[eye]
        middle = 0.5 * (ball.max(0) + ball.min(0))
        mine = (places[:, 0] < 0) == (middle[0] < 0)
        ray = places[mine] - middle
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        angle = np.arccos(np.clip(ray[:, 2], -1, 1))
        spoke = np.arctan2(ray[:, 1], ray[:, 0])
        veins = np.stack([np.cos(spoke), np.sin(spoke), 0.2 * angle], axis=-1)
        fibres = noise(veins, (who.seed, 62), 0.09, 2)
        iris = who.iris * (1 + 0.35 * fibres + 0.5 * step(0.42, 0.24, angle))[:, None]
        iris = mix(iris, 0.3 * who.iris, step(0.36, 0.46, angle))
        corner = np.clip(np.abs(ray[:, 0]) - 0.45, 0, 1)
        white = SCLERA * (1 - corner[:, None] * (0.1, 0.35, 0.35))
        seen = mix(white, iris, step(IRIS_ANGLE + 0.03, IRIS_ANGLE - 0.03, angle))
        seen = mix(seen, PUPIL, step(PUPIL_ANGLE + 0.03, PUPIL_ANGLE - 0.03, angle))
        # The upper lid and its lashes shade the ball.
        colour[mine] = seen * (1 - 0.45 * step(0.02, 0.42, ray[:, 1]))[:, None]
    return colour


def _cloth(places: Array, away: Array, who: Person) -> Array:
    side, up = np.abs(places[:, 0]), places[:, 1]
    front = places[:, 2] > 0
    weave = 1 + 0.07 * noise(places, (who.seed, 22), 0.012, 2) + 0.05 * noise(places, (who.seed, 23), 0.1, 2)
    cloth = np.broadcast_to(who.cloth, places.shape)
    band = step(0.066, 0.058, away)
    if who.garment == "sweater":
        weave += 0.10 * np.cos(2 * np.pi * places[:, 0] / 0.028) * (1 - band)
        weave += 0.12 * np.cos(90 * np.arctan2(places[:, 0], places[:, 2] + 0.08)) * band
    if who.garment in ("crew", "sweater"):
        return cloth * (weave * (1 - 0.18 * band - 0.25 * np.exp(-(((away - 0.062) / 0.006) ** 2))))[:, None]
    # The opening: as wide as the throat at the collar, closed so much further down.
    depth, wide = (0.32, 0.21) if who.garment == "vneck" else (0.75, 0.30)
    inside = np.where(front, side - wide * (up + 0.62 + depth) / depth, 1.0)
    if who.garment == "vneck":
        opening = step(0.006, -0.006, inside)
        hem = np.exp(-(((inside - 0.025) / 0.018) ** 2))
        return mix(cloth * (weave * (1 - 0.2 * hem))[:, None], who.skin * 0.95, opening)
    shirt = np.array([0.82, 0.82, 0.80]) * (1 - 0.12 * np.exp(-((side / 0.006) ** 2)))[:, None]
    lapel = np.exp(-(((inside - 0.10) / 0.006) ** 2)) * (up < -0.66)
    colour = cloth * 0.75 * (weave * (1 - 0.35 * lapel))[:, None]
    colour = mix(colour, shirt, np.maximum(step(0.008, -0.008, inside), band))
    return colour * (1 - 0.3 * np.exp(-((inside / 0.012) ** 2)) * front)[:, None]
