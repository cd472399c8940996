"""True relit videos of studio clips, and the PSNR of a video against one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lcvd.array import Array
from lcvd.evaluate.result_folders import read_result
from lcvd.face.square import square_pictures
from lcvd.shard.sample import Sample
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import read_lossless, write_lossless


def is_studio(sample: Sample) -> bool:
    """Whether the true relit video of the sample's clip can be rendered."""
    return sample.meta.address.startswith("studio:")


@dataclass(frozen=True)
class Truth:
    """What frames truly look like under another light, and where the portrait is in them; kept in two lossless files."""

    frames: Path
    masks: Path

    def windows(self) -> Iterator[tuple[Array, Array]]:
        """Frames (n, S, S, 3) uint8 and true portraits (n, S, S) bool, a window at a time."""
        for frames, masks in zip(read_result(self.frames), read_result(self.masks), strict=True):
            yield frames, masks[..., 0] > 127

    def at(self, frame: int) -> tuple[Array, Array]:
        """One frame (S, S, 3) and its portrait (S, S)."""
        return read_lossless(self.frames, [frame])[0], read_lossless(self.masks, [frame])[0] > 127


def true_relit(sample: Sample, light: str, size: int, count: int, folder: Path) -> Truth | None:
    """Render the `count` frames after the first as they truly look under the preset `light`, into `folder`; None for a clip
    that isn't the studio's."""
    if not is_studio(sample):
        return None
    clip = replace(StudioClip.parse(sample.meta.address), light=light)
    truth = Truth(folder / f"true_{light}.mkv", folder / f"portrait_{light}.mkv")
    wanted = range(sample.meta.start + 1, sample.meta.start + 1 + count)
    masks: list[Array] = []  # one bit per pixel, kept until the frames are written

    def frames() -> Iterator[Array]:
        for pictures, portrait in clip.render(wanted):
            masks.append(np.packbits(square_pictures(portrait, sample.codes.square, size) > 127, axis=-1))
            yield square_pictures(pictures, sample.codes.square, size)

    write_lossless(truth.frames, frames(), clip.fps)
    write_lossless(truth.masks, (np.unpackbits(part, axis=-1, count=size) * 255 for part in masks), clip.fps)
    return truth


class Decibels:
    """PSNR of a video against the true one over all pixels of the true portraits, computed window by window."""

    def __init__(self) -> None:
        self._squares, self._numbers = 0.0, 0

    def add(self, frames: Array, true: tuple[Array, Array]) -> None:
        """Add frames (n, S, S, 3) uint8. `true`: the true frames and the masks (n, S, S) bool of the true portraits."""
        error = (frames.astype(np.float64) - true[0])[true[1]]
        self._squares, self._numbers = self._squares + float((error**2).sum()), self._numbers + error.size

    @property
    def value(self) -> float:
        """The PSNR in decibels, at most about 108."""
        return float(10 * np.log10(255**2 / max(self._squares / max(self._numbers, 1), 1e-6)))


def psnr(frames: Array, true: tuple[Array, Array] | None) -> float | None:
    """PSNR in decibels of `frames` (T, S, S, 3) uint8 over all pixels of the true portraits; None if `true` is None."""
    if true is None:
        return None
    found = Decibels()
    found.add(frames, true)
    return found.value
