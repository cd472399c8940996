"""Face codes: the typed record of one clip's face, stored as one safetensors file."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

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
    """Identity of a clip, and expression, pose, camera, crop and light of its T frames.

    Shapes: identity (K,), expression (T, E), pose (T, 3) axis-angle in radians, or (T, 6) with the jaw's for heads that
    have one, camera (T, 3) with (s, t_x, t_y) in NDC of the crop, crop (T, 3, 3) from pixels of the clip's square to
    the crop's 224 x 224 (`lcvd.face.geometry`), light (T, 9, 3) second-order SH coefficients a colour channel, square
    (3,) = (x0, y0, side) in clip-frame pixels, confidence (T,) in [0, 1], 0 where the face was interpolated. All float32
    but the integer square. Expressions of the open head lie in [0, 1], FLAME's anywhere.
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
        """Check shapes and that all numbers are finite."""
        frames = len(self.pose)
        for name, tail in _PER_FRAME.items():
            shape = getattr(self, name).shape
            wanted = (frames, *(tail or ()))
            fits = shape[:1] == (frames,) and ((tail is None and len(shape) == 2) or shape == wanted)
            if not fits:
                raise UsageError(f"face codes: {name} has shape {shape}, expected {wanted} for {frames} frames of pose")
        if self.pose.shape[1] not in _POSES:
            raise UsageError(f"face codes: pose has {self.pose.shape[1]} columns; 3 turn the head, 6 the jaw as well")
        if self.identity.ndim != 1 or self.square.shape != (3,):
            raise UsageError(
                f"face codes: identity {self.identity.shape} must be (K,), square {self.square.shape} (3,)"
            )
        for name in ("identity", *_PER_FRAME):
            if not np.isfinite(getattr(self, name)).all():
                raise UsageError(f"face codes: {name} holds values that aren't finite")

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.pose)

    def replace(self, **changes: Any) -> FaceCodes:
        """The same codes with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_expression(self, expression: np.ndarray) -> FaceCodes:
        """The same codes with another expression (T, E), kept within [0, 1] where the head's lie there."""
        bounded = self.head.startswith("open-head/")
        return self.replace(expression=np.clip(expression, 0, 1) if bounded else expression)

    def window(self, indices: Sequence[int] | np.ndarray | slice) -> FaceCodes:
        """Codes of the frames named."""
        picked = indices if isinstance(indices, slice) else np.asarray(indices, dtype=np.int64)
        return self.replace(**{name: getattr(self, name)[picked] for name in _PER_FRAME})

    def save(self, path: Path, provenance: Mapping[str, Any]) -> None:
        """Write to `path`; `provenance` (JSON-able: hashes of bytes, settings, weights) goes into the metadata."""
        tensors = {
            field.name: np.ascontiguousarray(
                getattr(self, field.name), np.int32 if field.name == "square" else np.float32
            )
            for field in dataclasses.fields(self)
            if field.name != "head"
        }
        # One metadata key only: safetensors writes several in random order.
        metadata = {"lcvd": json.dumps({"head": self.head, "provenance": dict(provenance)}, sort_keys=True)}
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.part")
        save_file(tensors, aside, metadata)
        aside.replace(path)

    @staticmethod
    def of_bytes(data: bytes, name: str) -> FaceCodes:
        """Codes from the bytes of a file that `save` wrote; errors name `name`, else as `load`."""
        with tempfile.TemporaryDirectory() as folder:  # safetensors reads a file's metadata only from a file
            path = Path(folder) / f"{name}.safetensors"
            path.write_bytes(data)
            return FaceCodes.load(path)

    @staticmethod
    def load(path: Path) -> FaceCodes:
        """Read codes.

        Raises:
            ValueError: the file isn't safetensors, lacks or adds a field, or a field's shape or values don't fit.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
                head = json.loads(file.metadata()["lcvd"])["head"]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise FileError(f"{path}: not a file of face codes: {error}") from None
        expected = {field.name for field in dataclasses.fields(FaceCodes)} - {"head"}
        if set(tensors) != expected:
            raise FileError(f"{path}: fields {sorted(tensors)}, expected {sorted(expected)}")
        try:
            return FaceCodes(head=head, **tensors)
        except ValueError as error:
            raise FileError(f"{path}: {error}") from None
