"""ID: cosine similarity of face embeddings. Faces are aligned by the fitted mesh, so no detector affects it (spec G).

The published ID uses ArcFace (`lcvd.metrics.arcface`). With SFace, an open network, the metric is ID(SFace).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lcvd.face.embedding import embed_aligned
from lcvd.metrics.accumulators import PerFrame
from lcvd.metrics.base import Array, Device, Metric, Observation, Observer, Reference


def cosine(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Cosine (...) of embeddings (..., D), broadcast against each other; NaN for an embedding of zeros."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    product = (a * b).sum(axis=-1)
    return np.divide(product, norms, out=np.full(np.shape(product), np.nan), where=norms > 0)


def identity_metric(
    name: str, network: Callable[[Device], Callable[[Array], Array]], meaning: str, **declared: Any
) -> Metric:
    """An ID metric.

    Args:
        name: its name, and the key of its observation.
        network: opens a network that embeds aligned faces (n, 112, 112, 3) uint8 RGB as (n, D).
        meaning: for the report.
        declared: other fields of `Metric`.
    """

    def similarity(observation: Observation, reference: Reference) -> Array:
        person = reference.driving if reference.portrait is None else reference.portrait
        return np.where(reference.present, cosine(observation[name], person[name]), np.nan)

    observer = Observer(name, lambda embed, _: PerFrame(name, lambda window: embed(window.faces)), network)
    return Metric(name, "higher", meaning, observer=observer, per_frame=similarity, still="portrait", **declared)


ID_SFACE = identity_metric(
    "ID(SFace)",
    lambda _: embed_aligned,
    "Cosine similarity between the SFace embeddings of the output's face and of the face in the same driving frame: 1 for "
    "the same face, near 0 for another person. The published metric uses ArcFace.",
    weights="face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    packages=("lcvd", "numpy", "opencv-python-headless"),
    open=True,
    series="likeness",
)
