"""Options for writing results, and checks that a result can be written."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lcvd.array import Array
from lcvd.errors import MissingFile, UsageError
from lcvd.face.square import square_pictures
from lcvd.relighting.output.watermark import MARKS, check_mark

VIDEO, PICTURE = ".mp4", ".png"
"""File formats of results; an image is for results whose frames are all equal."""


@dataclass(frozen=True)
class OutputOptions:
    """How a result is written.

    Attributes:
        size: side of the frames in pixels; None: the model's. Frames are resized from the model's size.
        paste_back: paste the result into the whole frame of the portrait (`paste.pasted`).
        side_by_side: put the shading hint, or for a preview the portrait, to the left.
        keep_audio: copy the sound of the clip that drives the portrait.
        mark: one of `watermark.MARKS`: a visible text, an invisible watermark, both, or none.

    Raises:
        UsageError: a value is out of range, or options exclude each other.
    """

    size: int | None = None
    paste_back: bool = False
    side_by_side: bool = False
    keep_audio: bool = False
    mark: str = "none"

    def __post_init__(self) -> None:
        """Check the values."""
        if self.size is not None and not (16 <= self.size <= 4096 and self.size % 2 == 0):
            raise UsageError(f"size: expected an even number of pixels from 16 to 4096, got {self.size}")
        if self.mark not in MARKS:
            raise UsageError(f"mark: expected one of {', '.join(MARKS)}, got {self.mark!r}")
        if self.paste_back and (self.size or self.side_by_side):
            raise UsageError("paste_back: can't be combined with size or side_by_side")

    def check(self, made: int) -> None:
        """Check that frames of `made` x `made` pixels can be written with these options.

        Raises:
            UsageError, MissingPackage: see `watermark.check_mark`.
        """
        side = self.size or made
        if not self.paste_back:
            check_mark(self.mark, 2 * side if self.side_by_side else side, side)


def is_picture(path: Path) -> bool:
    """Whether a file name is that of an image."""
    return path.suffix.lower() == PICTURE


def write_picture(path: Path, frame: Array, comment: str) -> None:
    """Write a frame (H, W, 3) uint8 as PNG with a comment; equal inputs give equal bytes."""
    metadata = PngInfo()
    metadata.add_text("Comment", comment)
    Image.fromarray(frame).save(path, "PNG", pnginfo=metadata)


def resized(window: Array, size: int) -> Array:
    """Resize square frames (n, S, S, 3) uint8, as `square_pictures` does."""
    return square_pictures(window, np.array([0, 0, window.shape[1]]), size)


def check_writable(path: Path) -> None:
    """Check that `path` can be written, before hours are spent on the result.

    Raises:
        MissingFile: the folder doesn't exist.
        UsageError: the name doesn't end in .mp4 or .png, the path is a folder, or its folder is not writable.
    """
    if path.suffix.lower() not in (VIDEO, PICTURE):
        raise UsageError(f"{path}: results are written as {VIDEO}, or as {PICTURE} if nothing moves; change the name")
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise MissingFile(f"{path}: the folder {path.parent} doesn't exist; create it first")
    trial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        trial.touch()
    except OSError as error:
        raise UsageError(f"{path}: can't write in {path.parent}: {error.strerror}") from None
    trial.unlink()
