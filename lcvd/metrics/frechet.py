"""Fréchet distance between the Gaussians of two sets of features, streamed in bounded memory.

A set is kept as the triangular factor R of its rows with a column of ones put before them: RᵀR holds the count, the
sums and the products of all rows, factors of parts are stacked and reduced again, and neither a covariance nor a
matrix square root is ever formed. With centred factors A and B, ``tr (C₁C₂)^½`` is the sum of the singular values of
ABᵀ, which stays exact where covariances are rank deficient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSet:
    """Moments of `count` feature rows of `dim` numbers; `rows` is (k, 1 + dim), k <= 1 + dim after `reduced`."""

    rows: Array

    @classmethod
    def of(cls, features: ArrayLike) -> FeatureSet:
        """The set of `features` (N, D).

        Raises:
            ValueError: the shape isn't (N, D), or a feature isn't finite.
        """
        features = np.asarray(features, np.float64)
        if features.ndim != 2:
            raise ValueError(f"features have shape (N, D), found {features.shape}")
        if not np.isfinite(features).all():
            bad = int(np.nonzero(~np.isfinite(features).all(axis=1))[0][0])
            raise ValueError(f"feature row {bad} isn't finite: a NaN frame would be scored as a number")
        return cls(np.hstack([np.ones((len(features), 1)), features])).reduced()

    @classmethod
    def union(cls, sets: Iterable[FeatureSet], weights: Iterable[float] | None = None) -> FeatureSet:
        """All rows of `sets`; a weight of 2 counts a set's rows twice."""
        parts = list(sets)
        scales = [1.0] * len(parts) if weights is None else [float(np.sqrt(weight)) for weight in weights]
        return cls(np.vstack([s * part.rows for s, part in zip(scales, parts, strict=True) if s > 0])).reduced()

    @property
    def dim(self) -> int:
        """Length of a feature row."""
        return self.rows.shape[1] - 1

    @property
    def count(self) -> int:
        """Number of feature rows."""
        return round(float(self.rows[:, 0] @ self.rows[:, 0]))

    @property
    def mean(self) -> Array:
        """(D,) mean."""
        return self.rows[:, 0] @ self.rows[:, 1:] / self.count

    def factor(self, biased: bool = False) -> Array:
        """(k, D) matrix A with AᵀA the covariance, divided by N (`biased`) or N - 1."""
        centred = self.rows[:, 1:] - self.rows[:, :1] * self.mean
        return centred / np.sqrt(self.count - (not biased))

    def reduced(self) -> FeatureSet:
        """The same moments in at most 1 + D rows."""
        if len(self.rows) <= self.rows.shape[1]:
            return self
        return FeatureSet(np.asarray(np.linalg.qr(self.rows, mode="r")))


def frechet_distance(first: FeatureSet, second: FeatureSet, biased: bool = False) -> float:
    """|m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁C₂)^½).

    Args:
        first: one set of features, such as those of real frames.
        second: the other.
        biased: divide covariances by N as StyleGAN-V does; else by N - 1 as pytorch-fid does (spec K1).

    Raises:
        ValueError: a set has fewer than two rows, or their feature lengths differ.
    """
    if first.dim != second.dim:
        raise ValueError(f"feature lengths differ: {first.dim} and {second.dim}")
    if min(first.count, second.count) < 2:
        raise ValueError(f"a covariance needs 2 rows; the sets have {first.count} and {second.count}")
    a, b = first.factor(biased), second.factor(biased)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    distance = ((first.mean - second.mean) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * cross
    return max(float(distance), 0.0)  # of equal sets it is 0 but for rounding


def deficiency(first: FeatureSet, second: FeatureSet) -> str:
    """A warning that names N where a covariance can't have full rank (N <= D), else ''."""
    short = min(first.count, second.count)
    if short > first.dim:
        return ""
    return (
        f"rank-deficient covariance: {first.count} and {second.count} frames for {first.dim} features; "
        "the distance is biased upwards and only comparable at the same N"
    )
