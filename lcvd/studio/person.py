"""Shape, colours, hair and clothes of a computer-generated person, sampled from a number."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.head import Head

Hair = Literal["bald", "buzz", "short", "full", "curls", "bun", "bob", "beanie"]
Garment = Literal["crew", "vneck", "jacket", "sweater"]
PEOPLE = 10_000
HAIRS: dict[Hair, float] = {
    "bald": 0.1,
    "buzz": 0.12,
    "short": 0.24,
    "full": 0.14,
    "curls": 0.1,
    "bun": 0.1,
    "bob": 0.12,
    "beanie": 0.08,
}
"""Probability of each hair style."""
GARMENTS: tuple[Garment, ...] = ("crew", "vneck", "jacket", "sweater")
IDENTITY_STD, IDENTITY_DECAY, IDENTITY_LIMIT = 0.75, 12.0, 1.2
"""Identity coefficient k is normal with standard deviation `IDENTITY_STD` * exp(-k / `IDENTITY_DECAY`), clipped to
+-`IDENTITY_LIMIT`. The decay is needed because the model's directions are independent and real facial features are not:
full-strength samples in all directions look unnatural."""
SKINS = np.array([(0.80, 0.63, 0.55), (0.76, 0.57, 0.47), (0.68, 0.49, 0.39), (0.55, 0.38, 0.29), (0.38, 0.26, 0.20)])
HAIR_COLOURS = np.array(
    [(0.055, 0.045, 0.042), (0.12, 0.08, 0.06), (0.23, 0.15, 0.09), (0.36, 0.24, 0.14), (0.58, 0.45, 0.28)]
)
RED_HAIR, GREY_HAIR = np.array([0.42, 0.19, 0.09]), np.array([0.56, 0.55, 0.54])
IRISES = np.array([(0.17, 0.10, 0.06), (0.30, 0.19, 0.10), (0.34, 0.33, 0.18), (0.30, 0.37, 0.42), (0.38, 0.42, 0.43)])
CLOTHES = np.array(
    [
        *((0.16, 0.20, 0.29), (0.44, 0.14, 0.15), (0.22, 0.33, 0.26), (0.55, 0.54, 0.52), (0.17, 0.17, 0.18)),
        *((0.62, 0.50, 0.33), (0.27, 0.40, 0.54), (0.74, 0.71, 0.66), (0.42, 0.30, 0.42), (0.60, 0.32, 0.20)),
    ]
)


@dataclass(frozen=True)
class Person:
    """A computer-generated person: identity coefficients (K,), display colours (3,) under shading 1, and the strength
    of each feature in [0, 1]. `seed` decides all finer detail."""

    seed: int
    identity: Array
    skin: Array
    blush: float
    freckles: float
    stubble: float
    hair: Hair
    hair_colour: Array
    receding: float
    brows: float
    smile: float
    iris: Array
    garment: Garment
    cloth: Array
    second_cloth: Array


def sample_person(number: int, head: Head) -> Person:
    """The person with this number, 0 to 9999.

    Raises:
        UsageError: the number is out of range.
    """
    if not 0 <= number < PEOPLE:
        raise UsageError(f"the studio's heads are head-0 to head-{PEOPLE - 1}; there is no head-{number}")
    rng = np.random.default_rng([number, 77])
    count = len(head.identity_basis)
    coefficients = IDENTITY_STD * np.exp(-np.arange(count) / IDENTITY_DECAY) * rng.standard_normal(count)
    tone = rng.uniform()
    fair = max(0.0, 1 - 2 * tone)
    hair: Hair = rng.choice(list(HAIRS), p=list(HAIRS.values()))
    cloth, second = rng.choice(len(CLOTHES), 2, replace=False)
    return Person(
        seed=number,
        identity=np.clip(coefficients, -IDENTITY_LIMIT, IDENTITY_LIMIT).astype(np.float32),
        skin=_ramp(SKINS, tone) * rng.uniform(0.95, 1.05),
        blush=rng.uniform(0.4, 1.0) * (0.5 + 0.5 * fair),
        freckles=rng.uniform(0.4, 1.0) * fair if rng.uniform() < 0.45 else 0.0,
        stubble=rng.uniform(0.3, 1.0) if hair not in ("bun", "bob") and rng.uniform() < 0.45 else 0.0,
        hair=hair,
        hair_colour=_hair_colour(rng, fair),
        receding=rng.uniform() ** 2 if hair in ("buzz", "short") else 0.0,
        brows=rng.uniform(0.35, 1.0),
        smile=rng.uniform(0.0, 0.3),
        iris=_ramp(IRISES, rng.uniform() * min(1.0, 0.25 + 1.5 * fair)),
        garment=rng.choice(GARMENTS),
        cloth=CLOTHES[cloth] * rng.uniform(0.85, 1.1),
        second_cloth=CLOTHES[second],
    )


def _hair_colour(rng: np.random.Generator, fair: float) -> Array:
    kind = rng.uniform()
    if kind < 0.16:
        return GREY_HAIR * rng.uniform(0.6, 1.15)
    if kind < 0.24 and fair > 0.3:
        return RED_HAIR * rng.uniform(0.8, 1.2)
    return _ramp(HAIR_COLOURS, rng.uniform() * (0.25 + 0.75 * fair))


def _ramp(colours: Array, place: float) -> Array:
    """The colour at `place` in [0, 1] along colours (n, 3)."""
    steps = np.linspace(0, 1, len(colours))
    return np.array([np.interp(place, steps, channel) for channel in colours.T])
