"""``ID``: cosine of face embeddings, of faces aligned by known points so that no detector decides (spec G).

The published metric uses ArcFace; with SFace the number is reported as ``ID(SFace)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

NAME = "ID(SFace)"


def cosine(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Cosine (...) of embeddings (..., D), broadcast against each other; NaN for an embedding that is all 0."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    product = (a * b).sum(axis=-1)
    return np.divide(product, norms, out=np.full(np.shape(product), np.nan), where=norms > 0)
