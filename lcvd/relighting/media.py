"""Convert portraits and driving media to clips: images and folders of images become lossless videos.

All inputs then share one code path. The videos are cached in the scratch folder by the content of their sources.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lcvd.array import Array
from lcvd.cache.atomic import written_whole
from lcvd.cache.store import file_hash, key_of
from lcvd.errors import UsageError
from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Clip
from lcvd.video.encode import write_h264
from lcvd.video.probe import probe

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SETTLING = 3
"""Number of times that an image is repeated: the tracker refines its previous result until it converges."""
WINDOW = 16
"""Number of frames decoded at once. The 64 of the stages would take 400 MB for a full-HD clip."""
RATE = 25.0
"""Frames per second of media without a frame rate of their own."""


@dataclasses.dataclass(frozen=True)
class Media:
    """A file, folder or image given by the user, as a clip; `still`: a single image; `name` is for messages and side files."""

    clip: Clip
    still: bool
    name: str
    sha256: str
    """Hash of the file, or of the hashes of a folder's images."""
    is_video: bool = False
    """Whether the source is a video file, which may have sound."""

    def between(self, start: float = 0.0, end: float | None = None) -> Media:
        """The part from `start` to `end` in seconds; a still is returned unchanged.

        Raises:
            UsageError: the part has no frame.
        """
        if self.still:
            return self
        length = self.clip.frames / self.clip.fps
        if start >= length:
            raise UsageError(f"{self.name}: start is {start:g} s, but the clip is {length:.2f} s long")
        first = round(start * self.clip.fps)
        last = self.clip.frames if end is None else min(self.clip.frames, round(end * self.clip.fps))
        if last <= first:
            raise UsageError(f"{self.name}: no frame between {start:g} and {end:g} s at {self.clip.fps:g} fps")
        return dataclasses.replace(self, clip=self.clip.part(first, last))

    def beginning(self, frames: int = 1) -> Media:
        """The first `frames` frames; a still is returned unchanged."""
        return self if self.still else dataclasses.replace(self, clip=self.clip.part(0, frames))


def media_of(given: Any, scratch: Path) -> Media:
    """The media of a path (video, image, or folder of images), a PIL image, or an array (H, W, 3) uint8 RGB.

    Raises:
        ClipError: the file is missing or unreadable; the message names it.
        UsageError: another type, or an array of another shape.
    """
    if isinstance(given, (str, Path)):
        path = Path(given)
        if path.is_dir():
            paths = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)
            if not paths:
                raise ClipError("missing_file", f"{path}: no image in this folder ({', '.join(IMAGES)})")
            return _of_images(paths, scratch, path.name)
        if not path.is_file():
            raise ClipError("missing_file", f"{path}: no such file")
        return _of_images([path], scratch, path.name) if path.suffix.lower() in IMAGES else _of_video(path)
    if isinstance(given, Image.Image):
        given = np.asarray(given.convert("RGB"))
    if not isinstance(given, np.ndarray):
        raise UsageError(f"a portrait or driving clip must be a path, image or array, not {type(given).__name__}")
    if given.ndim != 3 or given.shape[2] != 3 or given.dtype != np.uint8:
        raise UsageError(f"an image must be a uint8 array (H, W, 3), not {given.shape} of {given.dtype}")
    packed = io.BytesIO()
    Image.fromarray(given).save(packed, "PNG")
    path = scratch / "pictures" / f"{key_of(bytes=packed.getvalue().hex())}.png"
    if not path.exists():
        with written_whole(path) as temporary:
            temporary.write_bytes(packed.getvalue())
    return _of_images([path], scratch, "(picture in memory)")


def pixels_of(path: Path) -> Array:
    """The image (H, W, 3) uint8 RGB, rotated according to its EXIF orientation.

    Raises:
        ClipError: the file is not a readable image; the message names it.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ClipError("not_a_picture", f"{path}: not a readable image: {error}") from None


def _of_video(path: Path) -> Media:
    try:
        found, sha256 = probe(path, WINDOW), file_hash(path)
    except ClipError as error:
        if error.reason != "not_a_video":
            raise
        raise ClipError(error.reason, f"{error.detail}; images must end in {', '.join(IMAGES)}") from None
    clip = Clip("face", "", path, sha256, 0, found.frames, found.fps, found.width, found.height, None, "", "")
    return Media(clip, False, path.name, sha256, is_video=True)


def _of_images(paths: Sequence[Path], scratch: Path, name: str) -> Media:
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
                f"{path}: {pixels.shape[1]}x{pixels.shape[0]} px, but the folder's first image has {shape[1]}x{shape[0]}",
            )
        yield np.repeat(pixels[None], times, axis=0)
