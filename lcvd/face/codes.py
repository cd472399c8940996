"""Face codes: the parameters of the face in one clip, stored as one safetensors file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from lcvd.cache.atomic import written_whole
from lcvd.errors import FileError, UsageError

_PER_FRAME: dict[str, tuple[int, ...] | None] = {
    "expression": None,
    "pose": None,
    "camera": (3,),
    "crop": (3, 3),
    "light": (9, 3),
    "confidence": (),
}
_POSES = (3, 6)


@dataclass(frozen=True)
class FaceCodes:
    """Identity of a clip, and expression, pose, camera, crop, light and confidence of its T frames.

    Shapes: identity (K,); expression (T, E); pose (T, 3) axis-angle in radians, or (T, 6) with the jaw's rotation for
    head models with a jaw joint; camera (T, 3) = (s, t_x, t_y) in NDC of the crop; crop (T, 3, 3), the transform from
    pixels of the clip's square crop to the 224 x 224 crop (`lcvd.face.geometry`); light (T, 9, 3), second-order SH
    coefficients per colour channel; square (3,) = (x0, y0, side) in clip-frame pixels; confidence (T,) in [0, 1], 0 for
    interpolated frames. All are float32 except the integer square. Expression coefficients of the open head are in
    [0, 1], FLAME's are unbounded.
    """

    head: str
    identity: np.ndarray
    expression: np.ndarray
    pose: np.ndarray
    camera: np.ndarray
    crop: np.ndarray
    light: np.ndarray
    square: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        """Check that shapes are consistent and all values finite."""
        frames = len(self.pose)
        for name, tail in _PER_FRAME.items():
            shape = getattr(self, name).shape
            wanted = (frames, *(shape[1:2] or ("any",) if tail is None else tail))
            if shape != wanted:
                raise UsageError(f"face codes: {name} has shape {shape}, expected {wanted} for {frames} frames of pose")
        if self.pose.shape[1] not in _POSES:
            raise UsageError(
                f"face codes: pose has {self.pose.shape[1]} columns, expected 3 (head) or 6 (head and jaw)"
            )
        if self.identity.ndim != 1 or self.square.shape != (3,):
            raise UsageError(
                f"face codes: identity {self.identity.shape} must be (K,), square {self.square.shape} (3,)"
            )
        for name in ("identity", *_PER_FRAME):
            if not np.isfinite(getattr(self, name)).all():
                raise UsageError(f"face codes: {name} has values that aren't finite")

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.pose)

    def replace(self, **changes: Any) -> FaceCodes:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_expression(self, expression: np.ndarray) -> FaceCodes:
        """Return a copy with another expression (T, E), clipped to [0, 1] for the open head."""
        bounded = self.head.startswith("open-head/")
        return self.replace(expression=np.clip(expression, 0, 1) if bounded else expression)

    def window(self, indices: Sequence[int] | np.ndarray | slice) -> FaceCodes:
        """Return the codes of the frames `indices`."""
        picked = indices if isinstance(indices, slice) else np.asarray(indices, dtype=np.int64)
        return self.replace(**{name: getattr(self, name)[picked] for name in _PER_FRAME})

    def save(self, path: Path, provenance: Mapping[str, Any]) -> None:
        """Write to `path`, with `provenance` (JSON-able: hashes of input, settings and weights) in the metadata."""
        tensors = {
            name: np.ascontiguousarray(array, np.int32 if name == "square" else np.float32)
            for name, array in vars(self).items()
            if name != "head"
        }
        # One metadata key only: safetensors writes several in random order.
        metadata = {"lcvd": json.dumps({"head": self.head, "provenance": dict(provenance)}, sort_keys=True)}
        with written_whole(path) as temporary:
            save_file(tensors, temporary, metadata)

    @staticmethod
    def of_bytes(data: bytes, name: str) -> FaceCodes:
        """Read codes from the bytes of a file written by `save`. Errors are those of `load` and contain `name`."""
        try:
            tensors = load(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])  # safetensors: length, then JSON
            head = json.loads(header["__metadata__"]["lcvd"])["head"]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise FileError(f"{name}: not a face-codes file: {error}") from None
        expected = {field.name for field in dataclasses.fields(FaceCodes)} - {"head"}
        if set(tensors) != expected:
            raise FileError(f"{name}: fields {sorted(tensors)}, expected {sorted(expected)}")
        try:
            return FaceCodes(head=head, **tensors)
        except ValueError as error:
            raise FileError(f"{name}: {error}") from None

    @staticmethod
    def load(path: Path) -> FaceCodes:
        """Read the codes in a file.

        Raises:
            ValueError: the file isn't safetensors, has missing or unexpected fields, or a field's shape or values are invalid.
        """
        return FaceCodes.of_bytes(path.read_bytes(), str(path))
