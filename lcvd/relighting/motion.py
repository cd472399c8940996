"""The driving motion: its source, its frame rate, and its frames without a detected face."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from lcvd.array import Array
from lcvd.cache.store import file_hash
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, with_placement
from lcvd.ledger.rows import ClipError
from lcvd.relighting.media import RATE, media_of
from lcvd.relighting.options import NO_FACE, NoFace
from lcvd.relighting.portrait import Face, reconstruct

STILL_FRAMES = 16
"""Number of frames of a relit still image."""
CODES = ".safetensors"


@dataclass(frozen=True)
class Motion:
    """Face codes of N frames at `fps`, including their light.

    `places` (N,) int is the index of each frame in the source clip. `face` is the reconstructed source clip, None for saved
    codes. `name` and `sha256` identify the source.
    """

    codes: FaceCodes
    places: Array
    fps: float
    face: Face | None
    name: str
    sha256: str
    cut: bool = False
    """Whether frames without a face were removed."""

    @property
    def bridged(self) -> Array:
        """Which frames (N,) bool have no detected face, so that their codes are interpolated."""
        return self.codes.confidence == 0

    def part(self, indices: Array) -> Motion:
        """The frames at `indices`."""
        return dataclasses.replace(self, codes=self.codes.window(indices), places=self.places[indices])


def driving_motion(
    driving: Any,
    scratch: Path,
    settings: Settings,
    *,
    number: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    fps: float | None = None,
) -> Motion:
    """The motion of a driving clip, folder of images, saved codes (`.safetensors`, or `FaceCodes`), or `Face`.

    Args:
        driving: an argument of `media_of`, saved codes, or a `Face`.
        scratch, settings, number: see `reconstruct`.
        start, end: the part to use, in seconds.
        fps: frame rate of saved codes and of a folder of images, which have none of their own (default: `RATE`).

    Raises:
        ClipError, ValueError: as `media_of`, `reconstruct` and `FaceCodes.load`, or no frame between start and end.
    """
    if isinstance(driving, Face):
        return motion_of(driving)
    if isinstance(driving, FaceCodes) or str(driving).endswith(CODES):
        rate = fps or RATE
        codes, name, sha256 = _saved(driving)
        places = np.arange(codes.frames)[round(start * rate) : None if end is None else round(end * rate)]
        if not len(places):
            raise UsageError(f"{name}: no frame after {start:g} s: {codes.frames} frames at {rate:g} fps")
        return Motion(codes.window(places), places, rate, None, name, sha256)
    media = media_of(driving, scratch)
    if fps and isinstance(driving, (str, Path)) and Path(driving).is_dir():
        media = dataclasses.replace(media, clip=dataclasses.replace(media.clip, fps=fps))
    if media.still:
        raise ClipError("not_a_video", f"{media.name}: a single image has no motion; use a clip, or omit it")
    return motion_of(reconstruct(media.between(start, end), scratch, settings, number))


def motion_of(face: Face) -> Motion:
    """A clip's own motion, or `STILL_FRAMES` equal frames of a still."""
    places = np.zeros(STILL_FRAMES, int) if face.media.still else np.arange(face.codes.frames)
    return Motion(face.codes.window(places), places, face.clip.fps, face, face.media.name, face.media.sha256)


def at_rate(motion: Motion, fps: float) -> Motion:
    """Resample the motion to another frame rate: rotation, expression, position and light are interpolated in time."""
    if fps == motion.fps or motion.codes.frames == 1:
        return dataclasses.replace(motion, fps=fps)
    last = motion.codes.frames - 1
    count = max(1, round(motion.codes.frames * fps / motion.fps))
    times = np.minimum(np.arange(count) * motion.fps / fps, last)
    nearest = np.rint(times).astype(int)
    codes = _interpolated(motion.codes, times, nearest)
    return dataclasses.replace(motion, codes=codes, places=motion.places[nearest], fps=fps)


def without_gaps(motion: Motion, rule: NoFace) -> Motion:
    """Apply `rule` to frames without a face: ``hold`` keeps them, with interpolated codes; ``skip`` removes them.

    Raises:
        ClipError: the rule is ``fail`` and there are such frames; the message gives their times.
        UsageError: unknown rule.
    """
    if rule not in NO_FACE:
        raise UsageError(f"no_face: expected one of {', '.join(NO_FACE)}, got {rule!r}")
    if rule == "hold" or not motion.bridged.any():
        return motion
    if rule == "fail":
        times = ", ".join(f"{a:.2f} to {b:.2f} s" for a, b in seconds_of(motion))
        raise ClipError("no_face", f"{motion.name}: no face at {times}; set start and end, or no_face to hold or skip")
    return dataclasses.replace(motion.part(np.flatnonzero(~motion.bridged)), cut=True)


def seconds_of(motion: Motion) -> list[tuple[float, float]]:
    """Half-open intervals without a face, in seconds from the start."""
    edges = np.flatnonzero(np.diff(motion.bridged, prepend=False, append=False)).reshape(-1, 2) / motion.fps
    return [(round(float(a), 3), round(float(b), 3)) for a, b in edges]


def _saved(driving: FaceCodes | str | Path) -> tuple[FaceCodes, str, str]:
    if isinstance(driving, FaceCodes):
        return driving, "(codes in memory)", ""
    path = Path(driving)
    if not path.is_file():
        raise ClipError("missing_file", f"{path}: no such file")
    return FaceCodes.load(path), path.name, file_hash(path)


def _interpolated(codes: FaceCodes, times: Array, nearest: Array) -> FaceCodes:
    """Codes at `times`, in frames; confidence and the other fields are those of the `nearest` frames."""
    frames = np.arange(codes.frames)

    def linear(values: Array) -> Array:
        columns = [np.interp(times, frames, column) for column in values.reshape(len(values), -1).T]
        return np.stack(columns, axis=-1).reshape(len(times), *values.shape[1:]).astype(np.float32)

    joints = range(0, codes.pose.shape[1], 3)
    turns = [Slerp(frames, Rotation.from_rotvec(codes.pose[:, j : j + 3]))(times).as_rotvec() for j in joints]
    moved = codes.window(nearest).replace(
        pose=np.concatenate(turns, axis=1).astype(np.float32), light=linear(codes.light)
    )
    places = linear(placement(codes)).astype(np.float64)
    return with_placement(moved.with_expression(linear(codes.expression)), places)
