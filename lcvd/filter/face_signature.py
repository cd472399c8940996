"""What a clip's face looks like: hashes that find copies, an embedding that says whose it is, what hides it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lcvd.face.embedding import DIMENSIONS, aligned, embed_aligned, five_points, unit
from lcvd.filter.near_duplicates import face_hash
from lcvd.filter.occlusion import hidden_share


@dataclass(frozen=True)
class Looks:
    """Of some evenly spread frames of a clip. Kept in the cache; no ledger holds it, because it is biometric."""

    hashes: tuple[str | None, ...]
    """`face_hash` of each frame, None without a face."""
    embedding: str
    """SFace's embedding, the mean over the frames at unit length: float16 in base 64, empty without a face."""
    same_face: float | None
    """Cosine of the embeddings of the first and the last quarter of the frames with a face; None below two."""
    hidden: float | None
    """`hidden_share`, None without a face."""

    def vector(self) -> NDArray[np.float32] | None:
        """The embedding (128,), None without a face."""
        if not self.embedding:
            return None
        return np.frombuffer(base64.b64decode(self.embedding), "<f2", DIMENSIONS).astype(np.float32)


def looks_of(images: Mapping[int, NDArray[np.uint8]], landmarks: Mapping[int, NDArray[np.float32]]) -> Looks:
    """Looks of a clip's frames, (H, W, 3) uint8 RGB by number; `landmarks` (478, 3), of those that show a face."""
    places = sorted(images)
    seen = [place for place in places if place in landmarks]
    if not seen:
        return Looks((None,) * len(places), "", None, None)
    faces = aligned([images[place] for place in seen], five_points(np.stack([landmarks[place] for place in seen])))
    hashes = {place: face_hash(face) for place, face in zip(seen, faces, strict=True)}
    vectors = embed_aligned(faces)
    quarter = max(1, len(seen) // 4)
    first, last = unit(vectors[:quarter].mean(0)), unit(vectors[-quarter:].mean(0))
    mean = base64.b64encode(unit(vectors.mean(0)).astype("<f2").tobytes()).decode("ascii")
    return Looks(
        hashes=tuple(hashes.get(place) for place in places),
        embedding=mean,
        same_face=float(first @ last) if len(seen) > 1 else None,
        hidden=hidden_share(faces),
    )
