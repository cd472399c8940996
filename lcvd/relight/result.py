"""A relit video: its frames as they are asked for, everything used on the way, and writing it with a note of its making."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.relight.ahead import ahead
from lcvd.relight.mux import Sound, check_sound, finish
from lcvd.relight.paste import pasted
from lcvd.relight.sampling import Progress, Sampling
from lcvd.relight.scene import Scene
from lcvd.relight.side_file import comment_of, side_file, write_side_file
from lcvd.shading.hints import Hints
from lcvd.video.encode import write_browser

if TYPE_CHECKING:
    from torch import Tensor

    from lcvd.relight.generate import Model

Array = NDArray[Any]
PREVIEW_SIZE = 256
"""Side of a video of hints in pixels, unless another is wanted."""


@dataclass(frozen=True)
class Output:
    """How a result is written.

    Attributes:
        size: side of the frames in pixels; None: the model's. The model works at its own size, frames are resized.
        paste_back: into the whole frame that the portrait was cut from (`paste.pasted`).
        side_by_side: the shading hint, of a preview the portrait, at its left.
        keep_audio: the sound of what moves the portrait.

    Raises:
        ValueError: a size out of range, or what doesn't go together.
    """

    size: int | None = None
    paste_back: bool = False
    side_by_side: bool = False
    keep_audio: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.size is not None and not (16 <= self.size <= 4096 and self.size % 2 == 0):
            raise ValueError(f"size: expected an even number of pixels from 16 to 4096, got {self.size}")
        if self.paste_back and (self.size or self.side_by_side):
            raise ValueError(
                "paste_back: whole frames have their own size and stand alone; leave size and side_by_side"
            )


@dataclass(frozen=True)
class Relit:
    """A scene under `lights` (N, 9, 3), made by `model`, or, without one, a preview: its hints.

    Frames are decoded when they are asked for, so that `save` writes a clip of any length without holding it.
    """

    scene: Scene
    lights: Array
    settings: Settings
    sources: list[dict[str, str]]
    """Role, name and SHA-256 of each file that it is made from."""
    words: dict[str, Any]
    """How the light and the motion were asked for, for the side file."""
    model: Model | None = None
    sampling: Sampling | None = None
    latents: Tensor | None = None

    @cached_property
    def frames(self) -> Array:
        """All frames (N, S, S, 3) uint8; of a preview, its hints."""
        return np.concatenate(list(self.windows()))

    @cached_property
    def hints(self) -> Array:
        """All shading hints (N, S, S, 3) uint8."""
        return np.concatenate(list(self._hints(self.size).windows()))

    @property
    def codes(self) -> FaceCodes:
        """Face codes of the N frames: the portrait's face, moving as it does in the result."""
        return self.scene.codes

    @cached_property
    def mask(self) -> Array:
        """The portrait's mask (S, S) uint8, 255 on the person."""
        return self.scene.portrait.first(self.size)[1]

    @property
    def bridged(self) -> Array:
        """Which frames (N,) follow no face that was seen: interpolated."""
        return self.scene.motion.bridged

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.scene.motion.fps

    @property
    def size(self) -> int:
        """Side S of the frames in pixels."""
        return int(self.model.pipe.config.size) if self.model else PREVIEW_SIZE

    def windows(self, progress: Progress | None = None) -> Iterator[Array]:
        """The frames, (n, S, S, 3) uint8 at a time."""
        if self.model is None or self.latents is None:
            return self._hints(self.size).windows()
        return self.model.windows(self.latents, progress)

    def save(
        self,
        path: Path | str,
        output: Output | None = None,
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        """Write an MP4 and beside it, with the ending .json, how it was made; gives what that file holds.

        Both are written aside and renamed. At most a few dozen frames are in memory; frames are made while others are
        encoded.

        Raises:
            ClipError: there is no sound to keep. ValueError: frames were left out, so sound wouldn't fit; a preview
                can't be pasted. OSError: the folder isn't there, or can't be written to.
        """
        path, output = Path(path), output or Output()
        check_writable(path)
        sound = self._sound() if output.keep_audio else None
        shown = self._shown(output, progress, cancel)
        silent, whole = (path.with_name(f".{path.name}.{part}.part") for part in ("silent", "whole"))
        try:
            count = write_browser(silent, ahead(shown), self.fps)
            finish(silent, whole, comment_of(self.model is not None, path), sound)
            found = side_file(self, output, whole, path.name, count)
            write_side_file(path, found)
            whole.replace(path)
        finally:
            silent.unlink(missing_ok=True)
            whole.unlink(missing_ok=True)
        return found

    def _shown(self, output: Output, progress: Progress | None, cancel: Callable[[], bool] | None) -> Iterator[Array]:
        """Windows of what is written."""
        if self.model is None and output.paste_back:
            raise ValueError("paste_back: a preview has no picture to paste; leave one of them out")
        size = output.size or self.size
        windows = self.windows(progress) if self.model else self._hints(size).windows()
        if output.paste_back:
            windows = pasted(self.scene, windows, self.settings)
        done = 0
        for window in windows:
            if cancel and cancel():
                from lcvd.model.pipeline import Interrupted  # torch isn't needed otherwise

                raise Interrupted(f"cancelled after writing {done} of {self.scene.frames} frames")
            if not output.paste_back:
                window = resized(window, size)
            if output.side_by_side:
                window = np.concatenate([self._left(done, len(window), size), window], axis=2)
            done += len(window)
            yield window

    def _left(self, start: int, count: int, size: int) -> Array:
        if self.model is None:
            return np.repeat(self.scene.portrait.first(size)[0][None], count, axis=0)
        return self._hints(size)[start : start + count]

    def _hints(self, size: int) -> Hints:
        return self.scene.hints(self.lights, size)

    def _sound(self) -> Sound:
        motion = self.scene.motion
        if motion.face is None or not motion.face.media.is_video:
            raise ValueError(f"keep_audio: {motion.name} is no clip with sound; leave it out")
        if motion.cut:
            raise ValueError("keep_audio: frames without a face were skipped, so sound wouldn't fit; hold them instead")
        clip = motion.face.clip
        check_sound(clip.media, motion.name)
        return Sound(clip.media, clip.start / clip.fps, clip.stop / clip.fps)

    def about(self) -> dict[str, Any]:
        """How it was made, JSON-able: model, sampling, words, sources."""
        made_by = {"name": self.model.name, "sha256": self.model.sha256} if self.model else None
        how = asdict(self.sampling) if self.sampling else {}
        return {
            "model": made_by,
            "seed": how.pop("seed", None),
            "settings": {**how, **self.words},
            "sources": self.sources,
        }


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
        ValueError: it isn't named .mp4.
    """
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"{path}: results are MP4; name it .mp4")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder; name a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {path.parent} isn't there; make it first")
    trial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        trial.touch()
    except OSError as error:
        raise PermissionError(f"{path}: can't write in {path.parent}: {error.strerror}") from None
    trial.unlink()
