"""Prepared latents of one clip: what a model's frozen networks say of every frame, computed once (spec I).

The part ``latents.safetensors`` of a sample holds the autoencoder's posterior, ``mean`` and ``std`` (n, c, h, w) float16,
the image token ``token`` (n, D) float16 and the portrait mask at latent size ``mask`` (n, h', w') uint8, 1 on the person.
Its header says of which pictures, at which size, by which weights. Frames are rows, so a window is read without the rest.
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
    """Prepared latents aren't there or are of something else; says which and what to do."""


class DamagedError(PreparedError):
    """Prepared latents that can't be read."""


@dataclass(frozen=True)
class Key:
    """By which weights (SHA-256) and at which size, px, latents are prepared."""

    autoencoder: str
    image_encoder: str
    size: int


@dataclass(frozen=True)
class Origin:
    """Of which pictures latents are: media file, first frame, frames, their rate and the square (x0, y0, side)."""

    sha256: str
    start: int
    frames: int
    fps: float
    square: tuple[int, ...]

    @classmethod
    def of(cls, meta: Meta, square: Iterable[int]) -> Origin:
        """Of a sample with these metadata, cropped to `square`."""
        return cls(meta.sha256, meta.start, meta.frames, meta.fps, tuple(int(x) for x in square))


@dataclass(frozen=True)
class Prepared:
    """Rows of some frames; see the module."""

    mean: NDArray[np.float16]
    std: NDArray[np.float16]
    token: NDArray[np.float16]
    mask: NDArray[np.uint8]

    def take(self, indices: Sequence[int]) -> Prepared:
        """Those at `indices`."""
        at = list(indices)
        return Prepared(*(getattr(self, name)[at] for name in TYPES))

    def to_bytes(self, key: Key, origin: Origin) -> bytes:
        """The part's bytes.

        Raises:
            ValueError: a number isn't finite, or the mask isn't one.
        """
        _check_values(self)
        about = json.dumps({"key": dataclasses.asdict(key), "origin": dataclasses.asdict(origin)}, sort_keys=True)
        tensors = {name: np.ascontiguousarray(getattr(self, name), kind) for name, (_, kind) in TYPES.items()}
        return save(tensors, {"about": about})


@dataclass(frozen=True)
class Header:
    """Where the tensors of a part lie, and what they are of."""

    key: Key
    origin: Origin
    shapes: dict[str, tuple[int, ...]]
    offsets: dict[str, int]

    def check(self, key: Key, origin: Origin) -> None:
        """Raise a PreparedError that names what differs, unless they are by `key` and of `origin`."""
        for found, wanted in ((self.key, key), (self.origin, origin)):
            for name, value in dataclasses.asdict(wanted).items():
                if getattr(found, name) != value:
                    raise PreparedError(
                        f"prepared latents of another {name} ({_short(getattr(found, name))}, not {_short(value)}): "
                        f"{_REMEDY}"
                    )

    @property
    def bytes_a_frame(self) -> int:
        """What one frame needs in memory."""
        return sum(int(np.prod(self.shapes[name][1:])) * np.dtype(kind).itemsize for name, (_, kind) in TYPES.items())


def read_header(path: Path, place: tuple[int, int] | None) -> Header:
    """Header of the part that lies at `place` (offset, bytes) of the archive `path`; None: the sample has no such part.

    Raises:
        PreparedError: there is none. DamagedError: it isn't one.
    """
    if place is None:
        raise PreparedError(f"no prepared latents: set shard.prepare: true and {_REMEDY}")
    try:
        header, data = tensors_at(path, place)
        about = json.loads(header.pop("__metadata__")["about"])
        origin = about["origin"] | {"square": tuple(about["origin"]["square"])}
        if {name: entry["dtype"] for name, entry in header.items()} != {
            name: kind for name, (kind, _) in TYPES.items()
        }:
            raise ValueError(f"tensors {sorted(header)}")
        shapes = {name: tuple(header[name]["shape"]) for name in TYPES}
        offsets = {name: data + header[name]["data_offsets"][0] for name in TYPES}
        if any(shape[0] != origin["frames"] for shape in shapes.values()):
            raise ValueError(f"shapes {shapes}")
        return Header(Key(**about["key"]), Origin(**origin), shapes, offsets)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"prepared latents can't be read ({error}): {_REMEDY}") from None


def read_rows(path: Path, header: Header, indices: Sequence[int]) -> Prepared:
    """The rows `indices` of the part with this header.

    Raises:
        DamagedError: a number isn't finite, or the archive ends before.
    """
    at = list(indices)
    try:
        rows = Prepared(
            *(
                np.memmap(path, kind, "r", header.offsets[name], header.shapes[name])[at]
                for name, (_, kind) in TYPES.items()
            )
        )
        _check_values(rows)
    except ValueError as error:
        raise DamagedError(f"prepared latents are damaged ({error}): {_REMEDY}") from None
    return rows


def tensors_at(path: Path, place: tuple[int, int]) -> tuple[dict[str, Any], int]:
    """Header of the safetensors file at `place` (offset, bytes) within `path`, and where its data begin in `path`.

    Raises:
        ValueError: it isn't one.
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
    """The square of the face codes at `place` (offset, bytes) within `path`, without reading the rest of them.

    Raises:
        ValueError: no face codes lie there.
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
            raise FileError(f"{name} holds numbers that aren't finite")
    if rows.mask.max(initial=0) > 1:
        raise FileError("mask holds numbers above 1")


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else str(value)
