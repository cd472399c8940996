"""Training samples and how to read them. A sample is one clip; its parts are compressed and decoded on demand.

============================  =====================================================================================
``<id>.frames.mp4``           the square crop of the frames, RGB, H.264 yuv444p, visually lossless
``<id>.hints.mkv``            shading hints under the clip's own light, RGB, FFV1
``<id>.mask.mkv``             portrait mask, 255 on the person, grey, FFV1
``<id>.codes.safetensors``    face codes
``<id>.meta.json``            `Meta`
``<id>.latents.safetensors``  prepared latents (`lcvd.shard.latents_format`), optional
============================  =====================================================================================

Nothing random is stored: the window of frames and the reference are drawn during training (spec B1).
"""

from __future__ import annotations

import dataclasses
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import webdataset as wds
from numpy.typing import NDArray

from lcvd.errors import FileError, MissingFile, UsageError
from lcvd.face.codes import FaceCodes
from lcvd.shard.split import SPLITS
from lcvd.shard.tar_members import LATENTS, PARTS, members
from lcvd.video.decode import decode_bytes, windows_of_bytes
from lcvd.video.encode import read_lossless

INDEX = "index.json"
_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Meta:
    """Origin of a sample.

    `size` is the side of its frames in pixels, `frames` their number, `sha256` the hash of the media file, `start` the
    clip's first frame in that file, `dataset` the data set according to the manifest.
    """

    id: str
    identity: str
    split: str
    frames: int
    size: int
    fps: float
    licence: str
    address: str
    sha256: str
    start: int
    dataset: str

    def to_json(self) -> bytes:
        """Serialise to JSON with sorted keys."""
        return (json.dumps(dataclasses.asdict(self), sort_keys=True, indent=1) + "\n").encode("utf-8")

    @staticmethod
    def of_json(text: bytes) -> Meta:
        """Parse JSON written by `to_json`.

        Raises:
            ValueError: not JSON, or a key is missing, unknown or of another type.
        """
        found = json.loads(text)
        wanted = {field.name: field.type for field in dataclasses.fields(Meta)}
        if not isinstance(found, dict) or set(found) != set(wanted):
            keys = sorted(found) if isinstance(found, dict) else type(found).__name__
            raise FileError(f"its keys are {keys}, expected {sorted(wanted)}")
        for name, kind in wanted.items():
            if type(found[name]).__name__ not in (kind, "int" if kind == "float" else kind):
                raise FileError(f"{name} is {found[name]!r}, expected {kind}")
        return Meta(**found)


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip. `parts` maps each of `PARTS`, and optionally `LATENTS`, to its bytes. `source` is the shard named in errors."""

    id: str
    parts: dict[str, bytes]
    source: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise FileError(f"{self.source}: sample id {self.id!r}; ids are letters, digits, _ and - only")
        missing, odd = sorted(set(PARTS) - set(self.parts)), sorted(set(self.parts) - {*PARTS, LATENTS})
        if missing or odd:
            raise FileError(
                f"{self.source}: sample {self.id} lacks {missing} and has unknown {odd}; run `dvc repro shard`"
            )
        if self.meta.id != self.id:
            raise FileError(f"{self.source}: sample {self.id} has the meta.json of {self.meta.id}")

    @cached_property
    def meta(self) -> Meta:
        """The sample's metadata.

        Raises:
            ValueError: meta.json is invalid; the message names shard and sample.
        """
        try:
            return Meta.of_json(self.parts["meta.json"])
        except ValueError as error:
            raise FileError(f"{self.source}: sample {self.id}: meta.json: {error}") from None

    @cached_property
    def codes(self) -> FaceCodes:
        """The face codes of all frames."""
        return FaceCodes.of_bytes(self.parts["codes.safetensors"], self.id)

    def frames(self, indices: Sequence[int] | None = None) -> NDArray[np.uint8]:
        """The frames `indices` (default: all), (n, S, S, 3) uint8 RGB."""
        return self._checked("frames.mp4", decode_bytes(self.parts["frames.mp4"], self._inside(indices)), indices)

    def windows(self, wanted: range, window: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames `wanted` in order, at most `window` at a time: (n, S, S, 3) uint8 RGB."""
        self._inside(wanted)
        for images in windows_of_bytes(self.parts["frames.mp4"], wanted, window):
            yield self._checked("frames.mp4", images, range(len(images)))

    def hints(self, indices: Sequence[int] | None = None) -> NDArray[np.uint8]:
        """Shading hints of the frames `indices` (default: all), (n, S, S, 3) uint8 RGB."""
        return self._checked("hints.mkv", read_lossless(self.parts["hints.mkv"], self._inside(indices)), indices)

    def masks(self, indices: Sequence[int] | None = None) -> NDArray[np.uint8]:
        """Portrait masks of the frames `indices` (default: all), (n, S, S) uint8, 255 on the person, 0 elsewhere."""
        return self._checked("mask.mkv", read_lossless(self.parts["mask.mkv"], self._inside(indices)), indices)

    def _inside(self, indices: Sequence[int] | None) -> Sequence[int]:
        wanted = range(self.meta.frames) if indices is None else [int(index) for index in indices]
        outside = [index for index in wanted if not 0 <= index < self.meta.frames]
        if outside:
            raise IndexError(f"sample {self.id} has frames 0..{self.meta.frames - 1}, frame {outside[0]} was requested")
        return wanted

    def _checked(self, part: str, images: Any, indices: Sequence[int] | None) -> NDArray[np.uint8]:
        count = self.meta.frames if indices is None else len(indices)
        if images.shape[:3] != (count, self.meta.size, self.meta.size):
            raise FileError(
                f"{self.source}: sample {self.id}: {part} contains {images.shape}, "
                f"expected {count} images of {self.meta.size} x {self.meta.size}"
            )
        return np.asarray(images, np.uint8)


def shard_paths(folder: Path, split: str) -> list[Path]:
    """Return the tar shards listed in a split's index, in order. An empty split has none.

    Raises:
        MissingFile: the index, or a shard that it lists, is missing.
        ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split!r} doesn't exist; choose one of {', '.join(SPLITS)}")
    paths = [folder / split / shard["name"] for shard in read_index(folder, split)["shards"]]
    for path in paths:
        if not path.is_file():
            raise MissingFile(f"{path}: listed in {INDEX} but missing; run `dvc checkout` or `dvc repro shard`")
    return paths


def read_index(folder: Path, split: str) -> dict[str, Any]:
    """Read the index of a split: ``{"split", "samples", "shards": [{"name", "bytes", "ids"}]}``."""
    path = folder / split / INDEX
    if not path.is_file():
        raise MissingFile(f"{path}: no such file; run `dvc repro shard` first")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def read_samples(folder: Path, split: str, only: set[str] | None = None) -> Iterator[Sample]:
    """Stream a split's samples in the order of their ids. `only` restricts them to those ids.

    Each caller gets the whole split. To train on several ranks, divide the ids (`read_index`), not the shards.

    Raises:
        ValueError: a member is rejected by `members`, a part is missing or unknown, the archive is truncated, or its samples
            differ from the index. The message names the shard.
    """
    index = {shard["name"]: shard["ids"] for shard in read_index(folder, split)["shards"]}
    for path in shard_paths(folder, split):
        if only is not None and not only & set(index[path.name]):
            continue
        seen = []
        for sample in _samples_of(path):
            seen.append(sample.id)
            if only is None or sample.id in only:
                yield sample
        if seen != index[path.name]:
            raise FileError(f"{path}: contains samples {seen}, its {INDEX} lists {index[path.name]}")


def _samples_of(path: Path) -> Iterator[Sample]:
    pipeline = wds.WebDataset(
        [str(path.resolve())],
        shardshuffle=False,
        nodesplitter=None,
        workersplitter=None,
        empty_check=False,
        seed=0,
    )
    try:
        for _ in members(path):  # check before WebDataset, which would unpack a compressed archive and skip links
            pass
        for found in pipeline:
            parts = {name: data for name, data in found.items() if not name.startswith("__")}
            yield Sample(found["__key__"], parts, path.name)
    except (tarfile.TarError, EOFError) as error:
        raise FileError(f"{path}: truncated archive: {error}; run `dvc checkout` or `dvc repro shard`") from None
    except ValueError as error:
        raise FileError(f"{path}: {error.args[0]}") from None
