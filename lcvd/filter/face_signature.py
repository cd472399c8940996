"""Face signature of a clip: hashes for finding near-duplicates, an embedding of the identity, and the amount of occlusion."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.embedding import DIMENSIONS, embed_aligned, five_points, opencv_align, unit
from lcvd.filter.near_duplicates import face_hash
from lcvd.filter.occlusion import occluded_fraction


@dataclass(frozen=True)
class FaceSignature:
    """Measured on evenly spaced frames of a clip. It is biometric data: it is cached but never written to a ledger."""

    hashes: tuple[str | None, ...]
    """`face_hash` of each frame; None for a frame without a face."""
    embedding: str
    """Mean SFace embedding over the frames, normalised to unit length, as float16 in base64; empty without a face."""
    same_face: float | None
    """Cosine similarity between the mean embeddings of the first and last quarter of the frames with a face; None if fewer
    than two frames have a face."""
    hidden: float | None
    """`occluded_fraction` of the face; None without a face."""

    @staticmethod
    def of(record: Mapping[str, Any]) -> FaceSignature:
        """Return the signature of a record that `dataclasses.asdict` made and JSON may have stored."""
        return FaceSignature(**{**record, "hashes": tuple(record["hashes"])})

    def vector(self) -> NDArray[np.float32] | None:
        """Return the embedding (128,), or None without a face."""
        if not self.embedding:
            return None
        return np.frombuffer(base64.b64decode(self.embedding), "<f2", DIMENSIONS).astype(np.float32)


def face_signature(
    images: Mapping[int, NDArray[np.uint8]], landmarks: Mapping[int, NDArray[np.float32]]
) -> FaceSignature:
    """Compute the signature from frames (H, W, 3) uint8 RGB by frame number.

    `landmarks` has the landmarks (478, 3) of those frames that show a face.
    """
    numbers = sorted(images)
    with_face = [number for number in numbers if number in landmarks]
    if not with_face:
        return FaceSignature((None,) * len(numbers), "", None, None)
    points = five_points(np.stack([landmarks[number] for number in with_face]))
    faces = opencv_align([images[number] for number in with_face], points)
    hashes = {number: face_hash(face) for number, face in zip(with_face, faces, strict=True)}
    vectors = embed_aligned(faces)
    quarter = max(1, len(with_face) // 4)
    first, last = unit(vectors[:quarter].mean(0)), unit(vectors[-quarter:].mean(0))
    mean = base64.b64encode(unit(vectors.mean(0)).astype("<f2").tobytes()).decode("ascii")
    return FaceSignature(
        hashes=tuple(hashes.get(number) for number in numbers),
        embedding=mean,
        same_face=float(first @ last) if len(with_face) > 1 else None,
        hidden=occluded_fraction(faces),
    )
