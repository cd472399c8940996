"""Who is who: clips whose face embeddings agree are of one person, over any number of clips.

Average linkage on the cosine, cut at a threshold. The mean cosine of two groups is the product of their means, so no
matrix of all pairs is held; and as this linkage never brings others nearer by merging two, all groups that are each
other's nearest are merged in one round, and a group with none near enough is done.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lcvd.face.embedding import unit

SAME_PERSON = 0.363
"""Cosine from which OpenCV Zoo calls two SFace embeddings, of a picture each, the same person."""
BLOCK = 512
"""Rows of the matrix of pairs that are held at once."""


def cluster(embeddings: Mapping[str, NDArray[np.floating]], threshold: float = SAME_PERSON) -> dict[str, str]:
    """A person for each clip: clips whose embeddings agree share one, named after the first of them by id.

    The order in which clips come doesn't matter, and neither do the embeddings' lengths.
    """
    ids = sorted(embeddings)
    if not ids:
        return {}
    labels = groups(unit(np.stack([np.asarray(embeddings[id], np.float32) for id in ids])), threshold)
    first: dict[int, str] = {}
    return {id: first.setdefault(int(label), id) for id, label in zip(ids, labels, strict=True)}


def groups(vectors: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """A number for each unit vector (N, D): groups of average linkage whose mean cosine is at least `threshold`."""
    means, labels, counts = np.unique(vectors.astype(np.float32), axis=0, return_inverse=True, return_counts=True)
    sizes, names = counts.astype(np.float32), np.arange(len(means))
    while len(means) > 1:
        nearest, cosines = _nearest(means)
        heads = np.flatnonzero((nearest[nearest] == np.arange(len(means))) & (cosines >= threshold))
        heads = heads[heads < nearest[heads]]
        if not len(heads):  # rounding may break the symmetry of the last pair
            best = int(cosines.argmax())
            if cosines[best] < threshold:
                break
            heads = np.array([best])
        tails = nearest[heads]
        total = sizes[heads] + sizes[tails]
        means[heads] = (means[heads] * sizes[heads, None] + means[tails] * sizes[tails, None]) / total[:, None]
        sizes[heads] = total
        renamed = np.arange(len(counts))
        renamed[names[tails]] = names[heads]
        labels = renamed[labels]
        left = cosines >= threshold
        left[tails] = False
        means, sizes, names = means[left], sizes[left], names[left]
    return labels


def _nearest(means: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each of the means (N, D) the other with the highest product, the first of equals, and that product."""
    nearest, products = np.zeros(len(means), np.int64), np.zeros(len(means), np.float32)
    for start in range(0, len(means), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(means)))
        found = means[rows] @ means.T
        found[rows - start, rows] = -np.inf
        nearest[rows] = found.argmax(1)
        products[rows] = found[rows - start, nearest[rows]]
    return nearest, products
