"""A relit video: its frames as they are asked for, everything used on the way, and writing it with a note of its making."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lcvd.cache.atomic import written_whole
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.progress import Progress
from lcvd.reconstruct.stage import packages
from lcvd.relighting.motion import seconds_of
from lcvd.relighting.options import SamplingOptions
from lcvd.relighting.output.options import VIDEO, OutputOptions, check_writable, is_picture, resized, write_picture
from lcvd.relighting.output.paste import pasted
from lcvd.relighting.output.prefetch import ahead
from lcvd.relighting.output.provenance import comment_of, side_file, write_side_file
from lcvd.relighting.output.watermark import marked
from lcvd.relighting.scene import Scene
from lcvd.render.hints import Hints
from lcvd.video.encode import write_browser
from lcvd.video.mux import Sound, check_sound, finish

if TYPE_CHECKING:
    from torch import Tensor

    from lcvd.relighting.generate import Model

Array = NDArray[Any]
PREVIEW_SIZE = 256
"""Side of a video of hints in pixels, unless another is wanted."""


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
    sampling: SamplingOptions | None = None
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
        output: OutputOptions | None = None,
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        """Write an MP4, or a PNG, and beside it, in a file with .json added to its name, how it was made; gives what that file holds.

        Neither file is ever half-written. At most a few dozen frames are in memory; frames are made while others are
        encoded.

        Raises:
            ClipError: there is no sound to keep. ValueError: frames were left out, so sound wouldn't fit; a preview
                can't be pasted; frames are too small for the mark; a PNG can't hold what moves. ModuleNotFoundError: the
                mark needs a package. OSError: the folder isn't there, or can't be written to.
        """
        path, output = Path(path), output or OutputOptions()
        check_writable(path)
        if is_picture(path):
            self.check_picture(path)
        sound = self._sound() if output.keep_audio else None
        output.check(self.size)
        shown = marked(self._shown(output, progress, cancel), output.mark)
        with written_whole(path) as whole, TemporaryDirectory(prefix=".lcvd-", dir=path.parent) as folder:
            comment = comment_of(self.model is not None, path)
            if is_picture(path):
                count = 1
                write_picture(whole, next(shown)[0], comment)
            else:
                silent = Path(folder) / "silent"
                count = write_browser(silent, ahead(shown), self.fps)
                finish(silent, whole, comment, sound)
            written = {"file": path.name, "frames": count, "fps": round(self.fps, 6), **asdict(output)}
            gaps = seconds_of(self.scene.motion)
            found = side_file(self.model is not None, self.about(), whole, written, gaps)
            write_side_file(path, found)
        return found

    def check_picture(self, path: Path) -> None:
        """See that the result is one picture, which the file `path` can hold.

        Raises:
            UsageError: its frames differ.
        """
        made, _ = self.scene.distinct_frames(self.lights)
        if len(made) > 1:
            raise UsageError(
                f"{path}: a PNG can't hold {len(made)} different frames; name it {VIDEO}, or relight a picture under a light "
                "that stays"
            )

    def _shown(
        self, output: OutputOptions, progress: Progress | None, cancel: Callable[[], bool] | None
    ) -> Iterator[Array]:
        """Windows of what is written."""
        if self.model is None and output.paste_back:
            raise UsageError("paste_back: a preview has no picture to paste; leave one of them out")
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
            raise UsageError(f"keep_audio: {motion.name} is no clip with sound; leave it out")
        if motion.cut:
            raise UsageError("keep_audio: frames without a face were skipped, so sound wouldn't fit; hold them instead")
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
            **packages(self.settings.reconstruct),
        }
