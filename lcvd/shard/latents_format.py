"""Prepared latents of one clip: the outputs of a model's frozen networks for every frame, computed once (spec I).

A sample's part ``latents.safetensors`` has the autoencoder's posterior, ``mean`` and ``std`` (n, c, h, w) float16, the image
token ``token`` (n, D) float16, and the portrait mask at latent size, ``mask`` (n, h', w') uint8, 1 on the person. Its header
records the source frames, the size and the weights. Each frame is a row, so a window can be read without the rest.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from lcvd.errors import FileError
from lcvd.shard.sample import Meta

KIND = "latents"
TYPES: dict[str, tuple[str, Any]] = {
    "mean": ("F16", np.float16),
    "std": ("F16", np.float16),
    "token": ("F16", np.float16),
    "mask": ("U8", np.uint8),
}
_REMEDY = "run `dvc repro shard`, or set train.prepared: false to train from frames"


class PreparedError(FileError):
    """Prepared latents are missing, or were made from other data or weights. The message names the difference and the remedy."""


class DamagedError(PreparedError):
    """Prepared latents that can't be read."""


@dataclass(frozen=True)
class Key:
    """Weights (SHA-256) and frame size in pixels with which latents are prepared."""

    autoencoder: str
    image_encoder: str
    size: int


@dataclass(frozen=True)
class Origin:
    """Source of latents: media file, first frame, number of frames, frame rate and square crop (x0, y0, side)."""

    sha256: str
    start: int
    frames: int
    fps: float
    square: tuple[int, ...]

    @classmethod
    def of(cls, meta: Meta, square: Iterable[int]) -> Origin:
        """Return the origin of a sample with metadata `meta`, cropped to `square`."""
        return cls(meta.sha256, meta.start, meta.frames, meta.fps, tuple(int(x) for x in square))


@dataclass(frozen=True)
class Prepared:
    """Prepared latents of some frames. For shapes see the module's docstring."""

    mean: NDArray[np.float16]
    std: NDArray[np.float16]
    token: NDArray[np.float16]
    mask: NDArray[np.uint8]

    def take(self, indices: Sequence[int]) -> Prepared:
        """Return the rows `indices`."""
        at = list(indices)
        return Prepared(*(getattr(self, name)[at] for name in TYPES))

    def to_bytes(self, key: Key, origin: Origin) -> bytes:
        """Serialise to the bytes of the part.

        Raises:
            ValueError: a value isn't finite, or the mask has values other than 0 and 1.
        """
        _check_values(self)
        about = json.dumps({"key": dataclasses.asdict(key), "origin": dataclasses.asdict(origin)}, sort_keys=True)
        tensors = {name: np.ascontiguousarray(getattr(self, name), kind) for name, (_, kind) in TYPES.items()}
        return save(tensors, {"about": about})


@dataclass(frozen=True)
class Header:
    """Location of the tensors of a part, and their key and origin."""

    key: Key
    origin: Origin
    shapes: dict[str, tuple[int, ...]]
    offsets: dict[str, int]

    def check(self, key: Key, origin: Origin) -> None:
        """Check key and origin. Raises a PreparedError that names the first difference."""
        for found, wanted in ((self.key, key), (self.origin, origin)):
            for name, value in dataclasses.asdict(wanted).items():
                if getattr(found, name) != value:
                    raise PreparedError(
                        f"prepared latents of another {name} ({_short(getattr(found, name))}, not {_short(value)}): "
                        f"{_REMEDY}"
                    )

    @property
    def bytes_a_frame(self) -> int:
        """Memory per frame in bytes."""
        return sum(int(np.prod(self.shapes[name][1:])) * np.dtype(kind).itemsize for name, (_, kind) in TYPES.items())


def read_header(path: Path, place: tuple[int, int] | None) -> Header:
    """Read the header of the part at `place` (offset, size in bytes) of the archive `path`.

    Raises:
        PreparedError: `place` is None, because the sample has no latents.
        DamagedError: the header can't be read.
    """
    if place is None:
        raise PreparedError(f"no prepared latents: set shard.prepare: true and {_REMEDY}")
    try:
        header, data = tensors_at(path, place)
        about = json.loads(header.pop("__metadata__")["about"])
        origin = about["origin"] | {"square": tuple(about["origin"]["square"])}
        if {name: entry["dtype"] for name, entry in header.items()} != {name: TYPES[name][0] for name in TYPES}:
            raise ValueError(f"tensors {sorted(header)}")
        shapes = {name: tuple(header[name]["shape"]) for name in TYPES}
        offsets = {name: data + header[name]["data_offsets"][0] for name in TYPES}
        if any(shape[0] != origin["frames"] for shape in shapes.values()):
            raise ValueError(f"shapes {shapes}")
        return Header(Key(**about["key"]), Origin(**origin), shapes, offsets)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"prepared latents can't be read ({error}): {_REMEDY}") from None


def read_rows(path: Path, header: Header, indices: Sequence[int]) -> Prepared:
    """Read the rows `indices` of the part with this header.

    Raises:
        DamagedError: a value isn't finite, or the archive is truncated.
    """
    at = list(indices)
    try:
        found = [np.memmap(path, TYPES[name][1], "r", header.offsets[name], header.shapes[name])[at] for name in TYPES]
        rows = Prepared(*found)
        _check_values(rows)
    except ValueError as error:
        raise DamagedError(f"prepared latents are damaged ({error}): {_REMEDY}") from None
    return rows


def tensors_at(path: Path, place: tuple[int, int]) -> tuple[dict[str, Any], int]:
    """Return the header of the safetensors file at `place` (offset, size) within `path`, and the offset of its data in `path`.

    Raises:
        ValueError: it isn't a safetensors file.
    """
    offset, size = place
    with path.open("rb") as stream:
        stream.seek(offset)
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= size - 8:
            raise FileError(f"a header of {length} bytes in a file of {size}")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise FileError("its header isn't an object")
    return header, offset + 8 + length


def square_at(path: Path, place: tuple[int, int]) -> list[int]:
    """Read only the square crop from the face codes at `place` (offset, size in bytes) within `path`.

    Raises:
        ValueError: there are no face codes at `place`.
    """
    header, data = tensors_at(path, place)
    entry = header.get("square", {})
    if (entry.get("dtype"), entry.get("shape")) != ("I32", [3]):
        raise FileError("codes.safetensors has no square")
    found: list[int] = np.memmap(path, "<i4", "r", data + entry["data_offsets"][0], (3,)).tolist()
    return found


def _check_values(rows: Prepared) -> None:
    for name in ("mean", "std", "token"):
        if not np.isfinite(getattr(rows, name)).all():
            raise FileError(f"{name} has values that aren't finite")
    if rows.mask.max(initial=0) > 1:
        raise FileError("mask has values above 1")


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else str(value)
