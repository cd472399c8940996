"""Cluster clips by person, using the cosine similarity of their face embeddings.

Average linkage, cut at a threshold. The mean cosine between two clusters is the dot product of their means, so no matrix
of all pairs is needed. Merging two clusters never increases their similarity to a third, so each round merges all pairs of
mutual nearest neighbours, and drops clusters without a neighbour above the threshold.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lcvd.face.embedding import unit

SAME_PERSON = 0.363
"""OpenCV Zoo's threshold: minimum cosine similarity of the SFace embeddings of two images of one person."""
BLOCK = 512
"""Number of rows of the similarity matrix computed at a time."""


def cluster(embeddings: Mapping[str, NDArray[np.floating]], threshold: float = SAME_PERSON) -> dict[str, str]:
    """Return a person for each clip id: the first id, in order, of the clip's cluster.

    The result doesn't depend on the order of the clips or the lengths of the embeddings.
    """
    ids = sorted(embeddings)
    if not ids:
        return {}
    labels = groups(unit(np.stack([np.asarray(embeddings[id], np.float32) for id in ids])), threshold)
    first: dict[int, str] = {}
    return {id: first.setdefault(int(label), id) for id, label in zip(ids, labels, strict=True)}


def groups(vectors: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Return a cluster number for each unit vector (N, D): average linkage with a mean cosine of at least `threshold`."""
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
    """Return the index (N,) of the other mean with the highest dot product for each of the means (N, D), and that product."""
    nearest, products = np.zeros(len(means), np.int64), np.zeros(len(means), np.float32)
    for start in range(0, len(means), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(means)))
        found = means[rows] @ means.T
        found[rows - start, rows] = -np.inf
        nearest[rows] = found.argmax(1)
        products[rows] = found[rows - start, nearest[rows]]
    return nearest, products
