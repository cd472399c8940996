"""Hair on the head template: hairline, thickness, and separate meshes for hair that leaves the scalp."""

import numpy as np
from scipy.interpolate import make_interp_spline

from lcvd.array import Array
from lcvd.studio.noise import noise, smoothstep
from lcvd.studio.person import Person

SKULL_CENTRE = np.array([0.0, 0.1, -0.04])
"""Centre of the skull; hair grows away from it."""
_ANGLES = np.radians([0, 22, 40, 52, 64, 74, 80, 88, 104, 118, 135, 155, 180])
_HAIRLINE = np.array([0.355, 0.35, 0.305, 0.22, 0.10, 0.01, 0.03, 0.13, 0.13, 0.00, -0.15, -0.2, -0.21])
"""Height of the hairline at `_ANGLES` around the skull, from front to back."""
_BEANIE_LINE = np.array([0.27, 0.265, 0.25, 0.225, 0.195, 0.17, 0.165, 0.16, 0.14, 0.11, 0.08, 0.06, 0.05])
THICKNESS = {
    "bald": 0.0,
    "buzz": 0.006,
    "short": 0.022,
    "full": 0.05,
    "curls": 0.085,
    "bun": 0.016,
    "bob": 0.04,
    "beanie": 0.04,
}
BRIM = 0.1
"""Width of a beanie's folded edge."""


def height_above_hairline(positions: Array, person: Person) -> Array:
    """Height (N,) of template positions (N, 3) above the person's hairline or the edge of the beanie."""
    around = np.arctan2(np.abs(positions[:, 0]), positions[:, 2] - 0.02)
    if person.hair == "beanie":
        return positions[:, 1] - np.interp(around, _ANGLES, _BEANIE_LINE)
    line = np.interp(around, _ANGLES, _HAIRLINE)
    # Hair recedes at the temples.
    receded = 0.05 * smoothstep(0.9, 0.1, around) + 0.07 * np.exp(-(((around - 0.6) / 0.22) ** 2))
    line = line + person.receding * receded
    if person.hair == "bob":
        line = line - 0.075 * smoothstep(0.75, 0.45, around)  # a fringe
    return positions[:, 1] - line + 0.012 * noise(positions, (person.seed, 11), 0.06, 2)


def hair_displacement(positions: Array, person: Person) -> Array:
    """Outward displacement (V, 3) of the surface at template positions (V, 3) by hair or a beanie."""
    outward = positions - SKULL_CENTRE
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    above, thick = height_above_hairline(positions, person), THICKNESS[person.hair]
    if person.hair == "beanie":
        brim = smoothstep(BRIM + 0.02, BRIM - 0.02, above)
        far = smoothstep(-0.005, 0.01, above) * (thick + 0.018 * brim + 0.1 * smoothstep(0.25, 0.6, above))
    elif person.hair == "bald":
        far = np.zeros(len(positions))
    else:
        lumps = 1 + 0.3 * noise(positions, (person.seed, 12), 0.14 if person.hair == "curls" else 0.2)
        top = smoothstep(0.1, 0.55, positions[:, 1])
        sides = {"full": 0.45, "short": 0.55}.get(person.hair, 0.9)
        far = thick * smoothstep(-0.005, 0.13, above) * (sides + (1 - sides) * top) * lumps
    return (far[:, None] * outward).astype(np.float32)


def detached_hair(person: Person, skull: Array, positions: Array) -> tuple[Array, Array]:
    """Vertices (N, 3) and triangles (M, 3) of hair that leaves the scalp: a bun, or the hanging part of a bob.

    Args:
        person: the person.
        skull: vertices (V, 3) of the head, displaced by its hair.
        positions: their positions on the template (V, 3).
    """
    if person.hair == "bun":
        return _bun(person, skull, positions)
    if person.hair == "bob":
        return _bob(person, skull, positions)
    return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def _bun(person: Person, skull: Array, positions: Array) -> tuple[Array, Array]:
    up = np.array([0.0, 0.84, -0.54])
    along = (positions - SKULL_CENTRE) @ up
    crown = skull[along.argmax()] + 0.06 * up
    rng = np.random.default_rng([person.seed, 13])
    radius = rng.uniform(0.11, 0.16)
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 33), np.linspace(-np.pi / 2, np.pi / 2, 17))
    ball = np.stack([np.cos(rise) * np.cos(turn), np.sin(rise), np.cos(rise) * np.sin(turn)], axis=-1)
    swirl = 1 + 0.04 * np.sin(5 * turn + 6 * rise)[..., None]
    return (crown + radius * ball * swirl * (1.1, 0.85, 1.1)).reshape(-1, 3), grid_triangles(17, 33)


def _bob(person: Person, skull: Array, positions: Array) -> tuple[Array, Array]:
    """Hair that hangs from a ring around the head: an outer wall, curled inwards at its lower edge, and an inner wall."""
    rng = np.random.default_rng([person.seed, 14])
    low, first = rng.uniform(-0.52, -0.30), rng.uniform(0.95, 1.1)
    angles = np.linspace(first, 2 * np.pi - first, 128)
    middle = 0.5 * (skull.max(0) + skull.min(0)) * (0, 0, 1) + (0, 0, -0.02)
    top = 0.22
    ring = skull[np.abs(positions[:, 1] - top) < 0.04]
    around = np.arctan2(ring[:, 0], ring[:, 2])
    reach = np.hypot(ring[:, 0], ring[:, 2])
    bins = [reach[np.abs(np.angle(np.exp(1j * (around - angle)))) < 0.2].max() for angle in angles]
    base = np.convolve(np.pad(bins, 8, mode="edge"), np.ones(17) / 17, mode="valid")
    rows = np.array([(0.26, -0.03), (0.18, 0.012), (0.08, 0.045), (-0.05, 0.07), (low * 0.6, 0.075), (low, 0.05)])
    fine = np.linspace(0, len(rows) - 1, 21)
    rows = np.stack([make_interp_spline(range(len(rows)), rows, 2)(fine)[:, k] for k in range(2)], axis=-1)
    inner = [(low - 0.025, 0.02), (low, -0.015), (0.0, 0.0), (0.2, -0.02)]
    outer, rows = len(rows), np.concatenate([rows, inner])
    waves = 0.012 * np.sin(angles * 17 + rng.uniform(0, 6)) + 0.008 * np.sin(angles * 29)
    side = np.stack([np.sin(angles), np.zeros_like(angles), np.cos(angles)], axis=-1)
    walls = []
    for index, (y, out) in enumerate(rows):
        far = base + out + waves * (0.2 + 0.8 * (0.3 - y)) * (index < outer)
        walls.append(middle + far[:, None] * side * (0.97, 1, 1) + (0, y, 0))
    return np.concatenate(walls), grid_triangles(len(rows), len(angles))


def grid_triangles(rows: int, columns: int) -> Array:
    """Triangles (M, 3) of a grid of vertices numbered row by row."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
