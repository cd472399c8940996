"""Skin albedo at positions of the head template: tone, blush, lips, brows, lashes, stubble."""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.path import Path as Outline
from scipy.spatial import cKDTree

from lcvd.array import Array
from lcvd.face.head import Head, load_head
from lcvd.light.skin_regions import LIPS
from lcvd.studio.hair import height_above_hairline
from lcvd.studio.noise import mix, noise, smoothstep
from lcvd.studio.person import Person

MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
BROWS = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)), ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285))
UPPER_LIDS = (33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)
FRECKLES = 350
LOWER_LIDS = (33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362)


def skin_albedo(positions: Array, person: Person, head: Head) -> Array:
    """Albedo (N, 3) of skin, brows, lashes and stubble at `positions` (N, 3) of the template."""
    seed, side = person.seed, np.abs(positions[:, 0])
    flat = np.stack([side, positions[:, 1], positions[:, 2]], axis=-1)
    front = smoothstep(0.1, 0.25, positions[:, 2])
    colour = np.broadcast_to(person.skin, positions.shape).copy()
    colour *= 1 + 0.05 * noise(positions, (seed, 31), 0.10, 3)[:, None]
    colour *= 1 + 0.035 * noise(positions, (seed, 32), 0.012, 2)[:, None] * (0.6, 1.0, 1.1)
    red = sum(
        weight * np.exp(-(((flat - centre) / width) ** 2).sum(1))
        for weight, centre, width in (
            (0.9, (0.17, -0.06, 0.37), (0.085, 0.07, 0.15)),
            (0.8, (0.0, -0.07, 0.51), (0.05, 0.05, 0.08)),
            (1.0, (0.36, 0.0, 0.0), (0.055, 0.16, 0.2)),
            (0.45, (0.0, -0.34, 0.42), (0.07, 0.05, 0.1)),
            (0.4, (0.08, 0.09, 0.38), (0.03, 0.03, 0.08)),
        )
    )
    red = red * person.blush * (1 + 0.35 * noise(positions, (seed, 33), 0.05, 2))
    colour *= 1 - np.clip(red, 0, 1)[:, None] * (0.02, 0.17, 0.17)
    socket = np.exp(-(((flat - (0.135, 0.085, 0.37)) / (0.085, 0.06, 0.12)) ** 2).sum(1))
    bag = np.exp(-(((flat - (0.125, 0.045, 0.38)) / (0.06, 0.022, 0.1)) ** 2).sum(1))
    colour *= 1 - (0.10 * socket + 0.07 * bag)[:, None] * (0.8, 1.0, 0.85)
    if person.freckles:
        spots = _freckles(positions, seed)
        zone = front * np.exp(-(((positions[:, 1] - 0.02) / 0.11) ** 2))
        colour = mix(colour, colour * (0.72, 0.58, 0.5), person.freckles * spots * zone)
    stubble = 0.45 * colour * (0.92, 0.97, 1.02) + 0.55 * np.minimum(person.hair_colour, 0.35)  # skin seen through hair
    colour = mix(colour, stubble, _beard(positions, person))
    colour = _lips(positions, colour, person, head)
    colour = mix(colour, 0.75 * person.hair_colour + 0.02, _brows(positions, person, head))
    return _lashes(positions, colour, head)


def _freckles(positions: Array, seed: int) -> Array:
    """Freckle strength at `positions` (N, 3): small discs at random centres in the middle of the face."""
    rng = np.random.default_rng([seed, 34])
    face = positions[(positions[:, 2] > 0.2) & (np.abs(positions[:, 1]) < 0.25)]
    centres = face[rng.integers(len(face), size=FRECKLES)]
    radius, strength = rng.uniform(0.0025, 0.006, FRECKLES), rng.uniform(0.2, 1.0, FRECKLES)
    far, nearest = cKDTree(centres).query(positions, distance_upper_bound=0.01)
    nearest = np.minimum(nearest, FRECKLES - 1)
    return np.where(np.isfinite(far), strength[nearest] * smoothstep(1.3, 0.5, np.minimum(far, 1) / radius[nearest]), 0)


def _beard(positions: Array, person: Person) -> Array:
    if not person.stubble:
        return np.zeros(len(positions))
    side, up, depth = np.abs(positions[:, 0]), positions[:, 1], positions[:, 2]
    line = -0.215 + 0.55 * np.clip(side - 0.14, 0, 0.2) ** 1.0 + 0.3 * np.clip(side - 0.2, 0, 0.2)
    cheek = smoothstep(0.035, -0.035, up - line + 0.01 * noise(positions, (person.seed, 41), 0.04, 2))
    above = np.exp(-(((up + 0.145) / 0.025) ** 2)) * smoothstep(0.125, 0.09, side) * smoothstep(0.38, 0.42, depth)
    area = np.maximum(cheek, above) * smoothstep(-0.12, 0.06, depth)
    area = area * smoothstep(-0.52, -0.42, up + 0.2 * (depth - 0.3))
    bare = np.exp(-(((side / 0.12) ** 2 + ((up + 0.215) / 0.05) ** 2) ** 3))
    grain = 0.75 + 0.5 * noise(positions, (person.seed, 42), (0.006, 0.010, 0.006))
    return np.clip(area * (1 - bare * (depth > 0.38)), 0, 1) * np.clip(grain, 0, 1.2) * (0.25 + 0.65 * person.stubble)


def _lips(positions: Array, colour: Array, person: Person, head: Head) -> Array:
    outline = landmark_positions(head, LIPS)
    flat = positions[:, :2]
    near = (positions[:, 2] > 0.38) & (np.abs(flat - outline[:, :2].mean(0)) < (0.14, 0.09)).all(1)
    inside = np.zeros(len(positions), bool)
    inside[near] = Outline(outline[:, :2]).contains_points(flat[near])
    share = np.zeros(len(positions))
    gap, _ = project_onto_line(positions[near], np.concatenate([outline, outline[:1]]))
    share[near] = smoothstep(-0.007, 0.007, np.where(inside[near], gap, -gap))
    lip = person.skin * (0.93, 0.64, 0.66) * (0.94 if person.skin[0] > 0.5 else 1.05)
    streaks = 1 + 0.10 * noise(positions, (person.seed, 36), (0.007, 0.05, 0.05))
    upper = smoothstep(-0.21, -0.195, positions[:, 1])
    colour = mix(colour, lip * (streaks * (1 - 0.10 * upper))[:, None], (0.5 + 0.4 * person.blush) * share)
    seam = np.full(len(positions), 1.0)
    seam[near], _ = project_onto_line(positions[near], landmark_positions(head, MOUTH))
    return colour * (1 - 0.5 * np.exp(-((seam / 0.008) ** 2)))[:, None]


def _brows(positions: Array, person: Person, head: Head) -> Array:
    total = np.zeros(len(positions))
    near = (positions[:, 2] > 0.25) & (positions[:, 1] > 0.09) & (positions[:, 1] < 0.26)
    for upper, lower in BROWS:
        line = 0.5 * (landmark_positions(head, upper) + landmark_positions(head, lower))
        far, along = project_onto_line(positions[near], line)
        width = 0.021 * (1 - 0.55 * (1 - along) ** 1.5) * (0.75 + 0.35 * person.brows)
        rise = positions[near, 1] - np.interp(np.abs(positions[near, 0]), *_sorted(line))
        # Hairs are upright near the nose and lie along the brow further out.
        slanted = positions[near] @ np.array([[1, 0.35 * np.sign(line[0, 0]), 0], [-0.25, 1, 0], [0, 0, 1]])
        hairs = noise(slanted, (person.seed, 51), (0.011, 0.0045, 0.02), 2)
        ends = smoothstep(0, 0.06, along), smoothstep(0, 0.2, 1.03 - along)
        soft = smoothstep(1.25, 0.45, far / width + 0.35 * hairs) * ends[0] * ends[1]
        total[near] = np.maximum(total[near], soft * (0.80 + 0.45 * hairs) * (1 - 0.15 * (rise > 0)))
    return np.clip(total, 0, 1) * (0.55 + 0.4 * person.brows)


def _sorted(line: Array) -> tuple[Array, Array]:
    order = np.abs(line[:, 0]).argsort()
    return np.abs(line[order, 0]), line[order, 1]


def _lashes(positions: Array, colour: Array, head: Head) -> Array:
    near = (positions[:, 2] > 0.28) & (np.abs(positions[:, 1] - 0.09) < 0.06)
    total = np.zeros(len(positions))
    for lines, width, strength in ((UPPER_LIDS, 0.0085, 0.9), (LOWER_LIDS, 0.005, 0.45)):
        for line in lines:
            far, _ = project_onto_line(positions[near], landmark_positions(head, line))
            total[near] = np.maximum(total[near], strength * np.exp(-((far / width) ** 2)))
    return mix(colour, np.array([0.055, 0.04, 0.035]), total)


def hair_coverage(positions: Array, person: Person) -> Array:
    """Fraction (N,) in [0, 1] of `positions` (N, 3) that is covered by hair or a beanie."""
    above = height_above_hairline(positions, person)
    if person.hair == "bald":
        return np.zeros(len(positions))
    if person.hair == "beanie":
        return smoothstep(-0.004, 0.004, above)
    fringe = person.hair == "bob"
    edge = noise(positions, (person.seed, 15), (0.008, 0.04, 0.02) if fringe else (0.006, 0.014, 0.01), 2)
    return smoothstep(-0.012, 0.03, above + 0.02 * edge) if fringe else smoothstep(-0.01, 0.055, above + 0.03 * edge)


def landmark_positions(head: Head, numbers: Sequence[int]) -> Array:
    """Template positions (n, 3) of MediaPipe landmarks with these numbers."""
    return _all_marks(head.name)[list(numbers)]


@functools.cache
def _all_marks(name: str) -> Array:
    head = load_head(name)
    positions = np.full((head.landmark_indices.max() + 1, 3), np.nan)
    positions[head.landmark_indices] = head.landmarks(head.template[None])[0]
    return positions


def project_onto_line(points: Array, line: Array) -> tuple[Array, Array]:
    """Distances (N,) of points (N, 3) from a polyline (n, 3), and the relative arc length (N,) of the nearest point: 0
    at its start, 1 at its end."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    ends = np.concatenate([[0], lengths.cumsum()]) / lengths.sum()
    best, where = np.full(len(points), np.inf), np.zeros(len(points))
    for i, way in enumerate(np.diff(line, axis=0)):
        share = np.clip((points - line[i]) @ way / (way @ way), 0, 1)
        far = np.linalg.norm(points - line[i] - share[:, None] * way, axis=1)
        where = np.where(far < best, ends[i] + share * (ends[i + 1] - ends[i]), where)
        best = np.minimum(far, best)
    return best, where
