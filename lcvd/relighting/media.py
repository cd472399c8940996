"""What a user hands in as portrait or driving clip, as clips: pictures and folders of pictures become lossless video.

One code path then serves all of them. What is made is kept below the scratch folder by the bytes it is made from.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lcvd.cache.atomic import written_whole
from lcvd.cache.store import file_hash, key_of
from lcvd.errors import UsageError
from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Clip
from lcvd.video.encode import write_h264
from lcvd.video.probe import probe

Array = NDArray[Any]
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SETTLING = 3
"""Times the tracker sees a picture: its refinement converges on what it found before."""
WINDOW = 16
"""Frames decoded at once: 64, as the stages take, are 400 MB of a full-HD clip."""
RATE = 25.0
"""Frames a second of what has no rate of its own."""


@dataclasses.dataclass(frozen=True)
class Media:
    """A file, folder or picture that a user named: all of it as a clip, and what it is called in side files."""

    clip: Clip
    still: bool
    name: str
    sha256: str
    """Of the file's bytes, or over those of a folder's pictures."""
    is_video: bool = False
    """Whether it is a video file, which may have sound."""

    def between(self, start: float = 0.0, end: float | None = None) -> Media:
        """The part from `start` to `end` seconds; a still stays whole.

        Raises:
            UsageError: nothing lies between them.
        """
        if self.still:
            return self
        length = self.clip.frames / self.clip.fps
        if start >= length:
            raise UsageError(f"{self.name}: start at {start:g} s, but it is {length:.2f} s long")
        first = round(start * self.clip.fps)
        last = self.clip.frames if end is None else min(self.clip.frames, round(end * self.clip.fps))
        if last <= first:
            raise UsageError(f"{self.name}: no frame between {start:g} and {end:g} s at {self.clip.fps:g} a second")
        return dataclasses.replace(self, clip=self.clip.part(first, last))

    def beginning(self, frames: int = 1) -> Media:
        """The first so many frames; a still stays whole."""
        return self if self.still else dataclasses.replace(self, clip=self.clip.part(0, frames))


def media_of(given: Any, scratch: Path) -> Media:
    """The media that `given` names: a path (video, picture, or folder of pictures), a PIL image, or an array (H,W,3)
    uint8 RGB.

    Raises:
        ClipError: the file isn't there, is no picture, or no video that can be read; it is named.
        TypeError, ValueError: something else, or an array of another shape.
    """
    if isinstance(given, (str, Path)):
        path = Path(given)
        if path.is_dir():
            return _of_folder(path, scratch)
        if not path.is_file():
            raise ClipError("missing_file", f"{path}: no such file")
        return _of_pictures([path], scratch, path.name) if path.suffix.lower() in IMAGES else _of_video(path)
    if isinstance(given, Image.Image):
        given = np.asarray(given.convert("RGB"))
    if not isinstance(given, np.ndarray):
        raise UsageError(f"a portrait or driving clip is a path, an image or an array, not {type(given).__name__}")
    if given.ndim != 3 or given.shape[2] != 3 or given.dtype != np.uint8:
        raise UsageError(f"a picture is an array (H, W, 3) of uint8, not {given.shape} of {given.dtype}")
    packed = io.BytesIO()
    Image.fromarray(given).save(packed, "PNG")
    path = scratch / "pictures" / f"{key_of(bytes=packed.getvalue().hex())}.png"
    if not path.exists():
        with written_whole(path) as temporary:
            temporary.write_bytes(packed.getvalue())
    return _of_pictures([path], scratch, "(picture in memory)")


def pixels_of(path: Path) -> Array:
    """The picture (H,W,3) uint8 RGB, upright as its camera noted.

    Raises:
        ClipError: no picture; the file is named.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ClipError("not_a_picture", f"{path}: not a picture that can be read: {error}") from None


def _of_video(path: Path) -> Media:
    try:
        found, sha256 = probe(path, WINDOW), file_hash(path)
    except ClipError as error:
        if error.reason != "not_a_video":
            raise
        raise ClipError(error.reason, f"{error.detail}; pictures end in {', '.join(IMAGES)}") from None
    clip = Clip("face", "", path, sha256, 0, found.frames, found.fps, found.width, found.height, None, "", "")
    return Media(clip, False, path.name, sha256, is_video=True)


def _of_folder(folder: Path, scratch: Path) -> Media:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
    if not paths:
        raise ClipError("missing_file", f"{folder}: no picture in this folder ({', '.join(IMAGES)})")
    return _of_pictures(paths, scratch, folder.name)


def _of_pictures(paths: Sequence[Path], scratch: Path, name: str) -> Media:
    hashes = [file_hash(path) for path in paths]
    sha256 = hashes[0] if len(paths) == 1 else key_of(pictures=hashes)
    times = SETTLING if len(paths) == 1 else 1
    target = scratch / "pictures" / f"{sha256}-{times}.mp4"
    if not target.exists():
        write_h264(target, _each(paths, times), fps=RATE, crf=0)
    found = probe(target, WINDOW)
    clip = Clip("face", "", target, file_hash(target), 0, found.frames, RATE, found.width, found.height, None, "", "")
    return Media(clip, len(paths) == 1, name, sha256)


def _each(paths: Sequence[Path], times: int) -> Iterator[Array]:
    shape: tuple[int, ...] | None = None
    for path in paths:
        pixels = pixels_of(path)
        shape = shape or pixels.shape
        if pixels.shape != shape:
            raise ClipError(
                "inconsistent",
                f"{path}: {pixels.shape[1]}x{pixels.shape[0]} px, the folder's first picture has {shape[1]}x{shape[0]}",
            )
        yield np.repeat(pixels[None], times, axis=0)
