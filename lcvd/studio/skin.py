"""What a person's skin looks like at each place of the head's template: tone, blush, lips, brows, lashes, stubble."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lcvd.face.head import Head
from lcvd.studio.hair import height
from lcvd.studio.noise import mix, noise, step
from lcvd.studio.person import Person

Array = NDArray[Any]
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
BROWS = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)), ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285))
UPPER_LIDS = (33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)
FRECKLES = 350
LOWER_LIDS = (33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362)


def skin(places: Array, who: Person, head: Head) -> Array:
    """Albedo (N, 3) of skin, and what grows on it, at `places` (N, 3) of the template."""
    seed, side = who.seed, np.abs(places[:, 0])
    flat = np.stack([side, places[:, 1], places[:, 2]], axis=-1)
    front = step(0.1, 0.25, places[:, 2])
    colour = np.broadcast_to(who.skin, places.shape).copy()
    colour *= 1 + 0.05 * noise(places, (seed, 31), 0.10, 3)[:, None]
    colour *= 1 + 0.035 * noise(places, (seed, 32), 0.012, 2)[:, None] * (0.6, 1.0, 1.1)
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
    red = red * who.blush * (1 + 0.35 * noise(places, (seed, 33), 0.05, 2))
    colour *= 1 - np.clip(red, 0, 1)[:, None] * (0.02, 0.17, 0.17)
    socket = np.exp(-(((flat - (0.135, 0.085, 0.37)) / (0.085, 0.06, 0.12)) ** 2).sum(1))
    bag = np.exp(-(((flat - (0.125, 0.045, 0.38)) / (0.06, 0.022, 0.1)) ** 2).sum(1))
    colour *= 1 - (0.10 * socket + 0.07 * bag)[:, None] * (0.8, 1.0, 0.85)
    if who.freckles:
        spots = _freckles(places, seed)
        zone = front * np.exp(-(((places[:, 1] - 0.02) / 0.11) ** 2))
        colour = mix(colour, colour * (0.72, 0.58, 0.5), who.freckles * spots * zone)
    colour = mix(colour, _hairy(who, colour), _beard(places, who, head))
    colour = _lips(places, colour, who, head)
    colour = mix(colour, 0.75 * who.hair_colour + 0.02, _brows(places, who, head))
    return _lashes(places, colour, head)


def _freckles(places: Array, seed: int) -> Array:
    """How much of a freckle each of `places` (N, 3) shows: small discs about places drawn from the face's middle."""
    rng = np.random.default_rng([seed, 34])
    face = places[(places[:, 2] > 0.2) & (np.abs(places[:, 1]) < 0.25)]
    centres = face[rng.integers(len(face), size=FRECKLES)]
    radius, strength = rng.uniform(0.0025, 0.006, FRECKLES), rng.uniform(0.2, 1.0, FRECKLES)
    far, nearest = cKDTree(centres).query(places, distance_upper_bound=0.01)
    nearest = np.minimum(nearest, FRECKLES - 1)
    return np.where(np.isfinite(far), strength[nearest] * step(1.3, 0.5, np.minimum(far, 1) / radius[nearest]), 0)


def _hairy(who: Person, colour: Array) -> Array:
    """Skin seen through short hair."""
    return 0.45 * colour * (0.92, 0.97, 1.02) + 0.55 * np.minimum(who.hair_colour, 0.35)


def _beard(places: Array, who: Person, head: Head) -> Array:
    if not who.stubble:
        return np.zeros(len(places))
    side, up, depth = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    line = -0.215 + 0.55 * np.clip(side - 0.14, 0, 0.2) ** 1.0 + 0.3 * np.clip(side - 0.2, 0, 0.2)
    cheek = step(0.035, -0.035, up - line + 0.01 * noise(places, (who.seed, 41), 0.04, 2))
    above = np.exp(-(((up + 0.145) / 0.025) ** 2)) * step(0.125, 0.09, side) * step(0.38, 0.42, depth)
    area = np.maximum(cheek, above) * step(-0.12, 0.06, depth) * step(-0.52, -0.42, up + 0.2 * (depth - 0.3))
    bare = np.exp(-(((side / 0.12) ** 2 + ((up + 0.215) / 0.05) ** 2) ** 3))
    grain = 0.75 + 0.5 * noise(places, (who.seed, 42), (0.006, 0.010, 0.006))
    return np.clip(area * (1 - bare * (depth > 0.38)), 0, 1) * np.clip(grain, 0, 1.2) * (0.25 + 0.65 * who.stubble)


def _lips(places: Array, colour: Array, who: Person, head: Head) -> Array:
    outline = marks(head, LIPS)
    flat = places[:, :2]
    near = (places[:, 2] > 0.38) & (np.abs(flat - outline[:, :2].mean(0)) < (0.14, 0.09)).all(1)
    inside = np.zeros(len(places), bool)
    inside[near] = Outline(outline[:, :2]).contains_points(flat[near])
    share = np.zeros(len(places))
    gap = to_line(places[near], np.concatenate([outline, outline[:1]]))
    share[near] = step(-0.007, 0.007, np.where(inside[near], gap, -gap))
    lip = who.skin * (0.93, 0.64, 0.66) * (0.94 if who.skin[0] > 0.5 else 1.05)
    streaks = 1 + 0.10 * noise(places, (who.seed, 36), (0.007, 0.05, 0.05))
    upper = step(-0.21, -0.195, places[:, 1])
    colour = mix(colour, lip * (streaks * (1 - 0.10 * upper))[:, None], (0.5 + 0.4 * who.blush) * share)
    seam = np.full(len(places), 1.0)
    seam[near] = to_line(places[near], marks(head, MOUTH))
    return colour * (1 - 0.5 * np.exp(-((seam / 0.008) ** 2)))[:, None]


def _brows(places: Array, who: Person, head: Head) -> Array:
    total = np.zeros(len(places))
    near = (places[:, 2] > 0.25) & (places[:, 1] > 0.09) & (places[:, 1] < 0.26)
    for upper, lower in BROWS:
        line = 0.5 * (marks(head, upper) + marks(head, lower))
        far, along = along_line(places[near], line)
        width = 0.021 * (1 - 0.55 * (1 - along) ** 1.5) * (0.75 + 0.35 * who.brows)
        rise = places[near, 1] - np.interp(np.abs(places[near, 0]), *_sorted(line))
        # Hairs stand up near the nose and lie along the brow further out.
        slanted = places[near] @ np.array([[1, 0.35 * np.sign(line[0, 0]), 0], [-0.25, 1, 0], [0, 0, 1]])
        hairs = noise(slanted, (who.seed, 51), (0.011, 0.0045, 0.02), 2)
        soft = step(1.25, 0.45, far / width + 0.35 * hairs) * step(0, 0.06, along) * step(0, 0.2, 1.03 - along)
        total[near] = np.maximum(total[near], soft * (0.80 + 0.45 * hairs) * (1 - 0.15 * (rise > 0)))
    return np.clip(total, 0, 1) * (0.55 + 0.4 * who.brows)


def _sorted(line: Array) -> tuple[Array, Array]:
    order = np.abs(line[:, 0]).argsort()
    return np.abs(line[order, 0]), line[order, 1]


def _lashes(places: Array, colour: Array, head: Head) -> Array:
    near = (places[:, 2] > 0.28) & (np.abs(places[:, 1] - 0.09) < 0.06)
    total = np.zeros(len(places))
    for lines, width, strength in ((UPPER_LIDS, 0.0085, 0.9), (LOWER_LIDS, 0.005, 0.45)):
        for line in lines:
            far, _ = along_line(places[near], marks(head, line))
            total[near] = np.maximum(total[near], strength * np.exp(-((far / width) ** 2)))
    return mix(colour, np.array([0.055, 0.04, 0.035]), total)


def scalp(places: Array, who: Person) -> Array:
    """How much of what is seen at `places` (N, 3) is hair or a beanie: (N,) in [0, 1]."""
    above = height(places, who)
    if who.hair == "bald":
        return np.zeros(len(places))
    if who.hair == "beanie":
        return step(-0.004, 0.004, above)
    fringe = who.hair == "bob"
    edge = noise(places, (who.seed, 15), (0.008, 0.04, 0.02) if fringe else (0.006, 0.014, 0.01), 2)
    return step(-0.012, 0.03, above + 0.02 * edge) if fringe else step(-0.01, 0.055, above + 0.03 * edge)


def marks(head: Head, numbers: Sequence[int]) -> Array:
    """Places (n, 3) on the template of MediaPipe's landmarks of those numbers."""
    return _all_marks(head.name)[list(numbers)]


@functools.cache
def _all_marks(name: str) -> Array:
    from lcvd.face.head import load_head

    head = load_head(name)
    places = np.full((head.landmark_indices.max() + 1, 3), np.nan)
    places[head.landmark_indices] = head.landmarks(head.template[None])[0]
    return places


def to_line(points: Array, line: Array) -> Array:
    """Distances (N,) of points (N, 3) from a line through (n, 3)."""
    return along_line(points, line)[0]


def along_line(points: Array, line: Array) -> tuple[Array, Array]:
    """Distances (N,) of points (N, 3) from a line through (n, 3), and where along it (N,), 0 at its start and 1 at its
    end, the nearest place is."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    ends = np.concatenate([[0], lengths.cumsum()]) / lengths.sum()
    best, where = np.full(len(points), np.inf), np.zeros(len(points))
    for i, way in enumerate(np.diff(line, axis=0)):
        share = np.clip((points - line[i]) @ way / (way @ way), 0, 1)
        far = np.linalg.norm(points - line[i] - share[:, None] * way, axis=1)
        where = np.where(far < best, ends[i] + share * (ends[i + 1] - ends[i]), where)
        best = np.minimum(far, best)
    return best, where
