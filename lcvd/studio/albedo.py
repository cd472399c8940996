"""Albedo of a complete body mesh: each part's colour at its texels, darkened by ambient occlusion."""

import numpy as np

from lcvd.array import Array
from lcvd.studio.body_mesh import PARTS, BodyMesh
from lcvd.studio.hair import BRIM, SKULL_CENTRE, height_above_hairline
from lcvd.studio.mesh_texture import TexelGrid
from lcvd.studio.noise import mix, noise, smoothstep
from lcvd.studio.person import Person
from lcvd.studio.skin import hair_coverage, skin_albedo

MOUTH_COLOURS = {"mouth": (0.42, 0.15, 0.14), "teeth": (0.84, 0.80, 0.72), "tongue": (0.62, 0.31, 0.30)}
SCLERA, PUPIL = np.array([0.80, 0.77, 0.74]), np.array([0.02, 0.018, 0.018])
IRIS_ANGLE, PUPIL_ANGLE = 0.47, 0.19
HIGHLIGHT = 0.75
NO_CUTOFF = -1.5
"""Cutoff that hides nothing."""
SPACING, FINE = 0.006, 0.0028
"""Distance between texels in head heights, in general and on eyes, eyelids and lips."""


def texel_spacing(body: BodyMesh) -> Array:
    """Maximum distance between texels on each triangle (F,), in head heights."""
    centre = body.rest_positions[body.faces].mean(1)
    detailed = (centre[:, 2] > 0.28) & (np.abs(centre[:, 0]) < 0.25) & (centre[:, 1] > -0.27) & (centre[:, 1] < 0.25)
    fine = (body.parts == PARTS.index("eye")) | (detailed & (body.parts == PARTS.index("skin")))
    far = np.where(body.parts == PARTS.index("garment"), 2 * SPACING, SPACING)
    return np.where(fine, FINE, far)


def texel_colours(body: BodyMesh, person: Person, texels: TexelGrid, ambient_visibility: Array) -> Array:
    """Colours (N, 5) float32 of the texels: albedo, highlight strength and silhouette cutoff (see
    `lcvd.studio.mesh_texture.render_textured`). `ambient_visibility` (V,) in [0, 1] is the visible fraction of the sky
    per vertex."""
    positions = texels.interpolate(body.rest_positions, body.faces)
    light = texels.interpolate(ambient_visibility[:, None], body.faces)[:, 0]
    part = {name: body.parts[texels.face] == index for index, name in enumerate(PARTS)}
    colour = np.zeros((len(positions), 5), np.float32)
    colour[:, 4] = NO_CUTOFF
    skin, hair = (positions[part[name]].astype(np.float64) for name in ("skin", "hair"))
    scalp = _beanie_albedo(skin, person) if person.hair == "beanie" else _hair_albedo(skin, person)
    colour[part["skin"], :3] = mix(skin_albedo(skin, person, body.head), scalp, hair_coverage(skin, person))
    colour[part["skin"], 4] = silhouette_cutoff(skin, person)
    for name, tone in MOUTH_COLOURS.items():
        stains = noise(positions[part[name]], (person.seed, 61), 0.03, 2)
        colour[part[name], :3] = np.array(tone) * (1 + 0.08 * stains)[:, None]
    colour[part["eye"], :3] = _eye_albedo(body, positions[part["eye"]], person)
    colour[part["eye"], 3] = HIGHLIGHT
    colour[part["hair"], :3] = _hair_albedo(hair, person)
    collar_distance = texels.interpolate(body.collar_distance[:, None], body.faces)[part["garment"], 0]
    colour[part["garment"], :3] = _garment_albedo(positions[part["garment"]], collar_distance, person)
    colour[:, :3] = np.clip(colour[:, :3] * light[:, None], 0.005, 1)
    return colour


def silhouette_cutoff(positions: Array, person: Person) -> Array:
    """Silhouette cutoff (N,) at positions (N, 3) on the scalp, as used by `render_textured`. It makes the outline of
    hair ragged."""
    if person.hair in ("bald", "bun", "beanie"):
        return np.full(len(positions), NO_CUTOFF)
    ragged = {"buzz": 0.06, "curls": 0.34, "full": 0.26, "bob": 0.1}.get(person.hair, 0.2)
    lumps = noise(positions, (person.seed, 19), 0.016 if person.hair == "curls" else 0.009, 2)
    hairy = smoothstep(0.07, 0.16, height_above_hairline(positions, person))
    return NO_CUTOFF + hairy * (ragged * np.clip(0.5 + 0.9 * lumps, 0, 1) - NO_CUTOFF)


def _hair_albedo(positions: Array, person: Person) -> Array:
    """Hair albedo: light and dark strands that run downwards from the crown, grouped in locks."""
    # Strands run away from the whorl. Noise stretched along that direction looks like strands.
    whorl, across, forth = _whorl(person)
    ray = positions - SKULL_CENTRE
    ray = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    around = np.arctan2(ray @ across, ray @ forth)
    combed = np.stack([np.sin(around), np.cos(around), 0.35 * (ray @ whorl)], axis=-1)
    if person.hair in ("curls", "buzz"):
        fine, locks = noise(positions, (person.seed, 16), 0.012, 2), noise(positions, (person.seed, 17), 0.035, 2)
    else:
        fine = noise(combed, (person.seed, 16), (0.022, 0.022, 0.25), 2)
        locks = noise(combed, (person.seed, 17), (0.16, 0.16, 0.5), 2)
    strength = 0.55 if person.hair == "curls" else 0.4
    tone = person.hair_colour + 0.015
    grey = 0.25 * np.maximum(fine, 0)[:, None] * (0.18, 0.16, 0.14)
    return tone * np.exp(strength * (fine + 0.9 * locks))[:, None] + grey


def _whorl(person: Person) -> tuple[Array, Array, Array]:
    """Unit vectors (3,): the direction of the hair whorl from the skull's centre, and two directions perpendicular to
    it."""
    side = float(np.random.default_rng([person.seed, 20]).choice([-1, 1]))
    place = {"bun": (0.0, 0.8, -0.6), "bob": (0.12 * side, 1.0, 0.25)}.get(person.hair, (0.45 * side, 0.9, 0.35))
    whorl = np.array(place) / np.linalg.norm(place)
    across = np.cross((0, 0, 1.0), whorl)
    across /= np.linalg.norm(across)
    return whorl, across, np.cross(whorl, across)


def _beanie_albedo(positions: Array, person: Person) -> Array:
    around = np.arctan2(positions[:, 0], positions[:, 2] + 0.04)
    above = height_above_hairline(positions, person)
    ribs = np.cos(52 * around) * smoothstep(0.6, 0.3, above)
    rows = np.cos(2 * np.pi * above / 0.02)
    fold = np.exp(-(((above - BRIM) / 0.01) ** 2))
    grain = noise(positions, (person.seed, 18), 0.01, 2)
    return person.second_cloth * (1 + 0.14 * ribs + 0.05 * rows + 0.12 * grain - 0.35 * fold)[:, None]


def _eye_albedo(body: BodyMesh, positions: Array, person: Person) -> Array:
    """Sclera with slight redness and shadow, iris with a dark ring, and pupil, selected by the angle from the optical
    axis."""
    colour = np.empty_like(positions)
    for eye in body.eyes:
        ball = body.head.template[eye]
        middle = 0.5 * (ball.max(0) + ball.min(0))
        mine = (positions[:, 0] < 0) == (middle[0] < 0)
        ray = positions[mine] - middle
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        angle = np.arccos(np.clip(ray[:, 2], -1, 1))
        spoke = np.arctan2(ray[:, 1], ray[:, 0])
        veins = np.stack([np.cos(spoke), np.sin(spoke), 0.2 * angle], axis=-1)
        fibres = noise(veins, (person.seed, 62), 0.09, 2)
        iris = person.iris * (1 + 0.35 * fibres + 0.5 * smoothstep(0.42, 0.24, angle))[:, None]
        iris = mix(iris, 0.3 * person.iris, smoothstep(0.36, 0.46, angle))
        corner = np.clip(np.abs(ray[:, 0]) - 0.45, 0, 1)
        white = SCLERA * (1 - corner[:, None] * (0.1, 0.35, 0.35))
        seen = mix(white, iris, smoothstep(IRIS_ANGLE + 0.03, IRIS_ANGLE - 0.03, angle))
        seen = mix(seen, PUPIL, smoothstep(PUPIL_ANGLE + 0.03, PUPIL_ANGLE - 0.03, angle))
        # The upper eyelid and its lashes shade the eyeball.
        colour[mine] = seen * (1 - 0.45 * smoothstep(0.02, 0.42, ray[:, 1]))[:, None]
    return colour


def _garment_albedo(positions: Array, collar_distance: Array, person: Person) -> Array:
    side, up = np.abs(positions[:, 0]), positions[:, 1]
    front = positions[:, 2] > 0
    weave = 1 + 0.07 * noise(positions, (person.seed, 22), 0.012, 2)
    weave = weave + 0.05 * noise(positions, (person.seed, 23), 0.1, 2)
    cloth = np.broadcast_to(person.cloth, positions.shape)
    band = smoothstep(0.066, 0.058, collar_distance)
    if person.garment == "sweater":
        weave += 0.10 * np.cos(2 * np.pi * positions[:, 0] / 0.028) * (1 - band)
        weave += 0.12 * np.cos(90 * np.arctan2(positions[:, 0], positions[:, 2] + 0.08)) * band
    if person.garment in ("crew", "sweater"):
        return cloth * (weave * (1 - 0.18 * band - 0.25 * np.exp(-(((collar_distance - 0.062) / 0.006) ** 2))))[:, None]
    # The opening is as wide as the throat at the collar and closes `depth` further down.
    depth, wide = (0.32, 0.21) if person.garment == "vneck" else (0.75, 0.30)
    inside = np.where(front, side - wide * (up + 0.62 + depth) / depth, 1.0)
    if person.garment == "vneck":
        opening = smoothstep(0.006, -0.006, inside)
        hem = np.exp(-(((inside - 0.025) / 0.018) ** 2))
        return mix(cloth * (weave * (1 - 0.2 * hem))[:, None], person.skin * 0.95, opening)
    shirt = np.array([0.82, 0.82, 0.80]) * (1 - 0.12 * np.exp(-((side / 0.006) ** 2)))[:, None]
    lapel = np.exp(-(((inside - 0.10) / 0.006) ** 2)) * (up < -0.66)
    colour = cloth * 0.75 * (weave * (1 - 0.35 * lapel))[:, None]
    colour = mix(colour, shirt, np.maximum(smoothstep(0.008, -0.008, inside), band))
    return colour * (1 - 0.3 * np.exp(-((inside / 0.012) ** 2)) * front)[:, None]
