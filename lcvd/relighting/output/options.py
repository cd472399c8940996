"""How a result is written, and whether it can be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lcvd.errors import MissingFile, UsageError
from lcvd.relighting.output.watermark import MARKS, check_mark

Array = NDArray[Any]
VIDEO, PICTURE = ".mp4", ".png"
"""What results are written as; a picture holds a result whose frames are all alike."""


@dataclass(frozen=True)
class OutputOptions:
    """How a result is written.

    Attributes:
        size: side of the frames in pixels; None: the model's. The model works at its own size, frames are resized.
        paste_back: into the whole frame that the portrait was cut from (`paste.pasted`).
        side_by_side: the shading hint, of a preview the portrait, at its left.
        keep_audio: the sound of what moves the portrait.
        mark: of `mark.MARKS`: words that people see, a watermark that a program finds, both, or none in the pixels.

    Raises:
        UsageError: a size out of range, or what doesn't go together.
    """

    size: int | None = None
    paste_back: bool = False
    side_by_side: bool = False
    keep_audio: bool = False
    mark: str = "none"

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.size is not None and not (16 <= self.size <= 4096 and self.size % 2 == 0):
            raise UsageError(f"size: expected an even number of pixels from 16 to 4096, got {self.size}")
        if self.mark not in MARKS:
            raise UsageError(f"mark: expected one of {', '.join(MARKS)}, got {self.mark!r}")
        if self.paste_back and (self.size or self.side_by_side):
            raise UsageError(
                "paste_back: whole frames have their own size and stand alone; leave size and side_by_side"
            )

    def check(self, made: int) -> None:
        """See, before time is spent, that frames of `made` pixels a side can be written so.

        Raises:
            ValueError, ModuleNotFoundError: see `mark.check_mark`.
        """
        side = self.size or made
        if not self.paste_back:
            check_mark(self.mark, 2 * side if self.side_by_side else side, side)


def is_picture(path: Path) -> bool:
    """Whether a file of that name holds one picture."""
    return path.suffix.lower() == PICTURE


def write_picture(path: Path, frame: Array, comment: str) -> None:
    """Write (H, W, 3) uint8 as PNG, with a comment of its own; equal inputs give equal bytes."""
    words = PngInfo()
    words.add_text("Comment", comment)
    Image.fromarray(frame).save(path, "PNG", pnginfo=words)


def resized(window: Array, size: int) -> Array:
    """Frames (n, S, S, 3) at another size: shrinking averages, enlarging takes Lanczos."""
    if window.shape[1] == size:
        return window
    how = cv2.INTER_AREA if window.shape[1] > size else cv2.INTER_LANCZOS4
    return np.stack([cv2.resize(frame, (size, size), interpolation=how) for frame in window])


def check_writable(path: Path) -> None:
    """See that a file of that name can be made, before hours are spent on it.

    Raises:
        OSError: its folder isn't there, or nothing can be written there, or it is a folder itself.
        UsageError: it isn't named .mp4 or .png.
    """
    if path.suffix.lower() not in (VIDEO, PICTURE):
        raise UsageError(f"{path}: results are MP4, or PNG where nothing moves; name it {VIDEO} or {PICTURE}")
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; name a file")
    if not path.parent.is_dir():
        raise MissingFile(f"{path}: the folder {path.parent} isn't there; make it first")
    trial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        trial.touch()
    except OSError as error:
        raise UsageError(f"{path}: can't write in {path.parent}: {error.strerror}") from None
    trial.unlink()
