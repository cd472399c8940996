"""How far raters agree: Krippendorff's alpha, for any number of raters and with ratings missing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Level = Literal["nominal", "ordinal", "interval"]
"""What differences between two values mean."""
QUESTIONS = ("LA-User", "ID-User", "VQ-User")
"""What people are asked: light as asked for, likeness to the portrait, quality of the video; the paper's three."""


def krippendorff_alpha(ratings: ArrayLike, level: Level = "ordinal") -> float:
    """Alpha = 1 - observed / expected disagreement (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011).

    Args:
        ratings: (raters, units), NaN where a rater gave none.
        level: ordinal for opinion scales: 4 and 5 are as far apart as ratings between them are frequent.

    Returns:
        1 for full agreement, about 0 for none beyond chance, below 0 for systematic disagreement. NaN where no unit has
        two ratings, or every rating is the same, so that chance can't be told from agreement.

    Raises:
        ValueError: another number of dimensions.
    """
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must be (raters, units), found {table.shape}")
    values = np.unique(table[np.isfinite(table)])
    counts = (table[:, :, None] == values).sum(axis=0).astype(np.float64)  # of each value, by unit
    counts = counts[counts.sum(axis=1) > 1]
    total = counts.sum(axis=1)
    # Pairs of values within units, each unit weighing as many ratings as it has.
    pairs = np.einsum("uc,uk,u->ck", counts, counts, 1 / (total - 1)) - np.diag(
        (counts / (total - 1)[:, None]).sum(axis=0)
    )
    share = pairs.sum(axis=1)
    apart = _distances(values, share, level)
    expected = float(share @ apart @ share)
    if expected == 0:
        return float("nan")
    return float(1 - (share.sum() - 1) * (pairs * apart).sum() / expected)


def _distances(values: Array, share: Array, level: Level) -> Array:
    """Squared distances (V, V) between values, of which `share` (V,) ratings each were given."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    # On an ordinal scale a value's place is its middle rank.
    place = values if level == "interval" else np.cumsum(share) - share / 2
    return (place[:, None] - place[None, :]) ** 2
