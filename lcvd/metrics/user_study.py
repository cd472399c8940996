"""The questions of the user study, and Krippendorff's alpha, the agreement of its raters."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lcvd.metrics.base import Array, Metric

Level = Literal["nominal", "ordinal", "interval"]
"""How the difference between two values is measured."""
METRICS = tuple(
    Metric(name, "higher", f"Mean opinion score of raters, from 1 to 5 (docs/study.md): {question}")
    for name, question in (
        ("LA-User", "does the light match?"),
        ("ID-User", "is it the same person?"),
        ("VQ-User", "is the video good?"),
    )
)
QUESTIONS = tuple(metric.name for metric in METRICS)
"""The paper's three questions: light accuracy, identity, video quality."""


def krippendorff_alpha(ratings: ArrayLike, level: Level = "ordinal") -> float:
    """Alpha = 1 - observed / expected disagreement (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011).

    Args:
        ratings: (raters, units), NaN for a missing rating.
        level: ordinal for opinion scales: the distance between 4 and 5 is the number of ratings between them.

    Returns:
        1 for full agreement, about 0 for agreement by chance, below 0 for systematic disagreement. NaN if no unit has two
        ratings, or if all ratings are equal, so that chance and agreement can't be distinguished.

    Raises:
        ValueError: `ratings` isn't two-dimensional.
    """
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must be (raters, units), found {table.shape}")
    values = np.unique(table[np.isfinite(table)])
    counts = (table[:, :, None] == values).sum(axis=0).astype(np.float64)  # of each value, per unit
    counts = counts[counts.sum(axis=1) > 1]
    total = counts.sum(axis=1)
    # Pairs of values within units; a unit's weight is its number of ratings.
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
    """Squared distances (V, V) between values; `share` (V,) is the number of ratings of each value."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    # On an ordinal scale the position of a value is its mid-rank.
    place = values if level == "interval" else np.cumsum(share) - share / 2
    return (place[:, None] - place[None, :]) ** 2
