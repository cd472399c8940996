"""The motion that a portrait follows: whose, at which rate, and what becomes of frames that show no face."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from lcvd.cache.store import file_hash
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.align import align
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, with_placement
from lcvd.face.smooth import smooth
from lcvd.ledger.rows import ClipError
from lcvd.relighting.media import RATE, media_of
from lcvd.relighting.options import NO_FACE, NoFace
from lcvd.relighting.portrait import Face, reconstruct

Array = NDArray[Any]
STILL_FRAMES = 16
"""Length of a picture that is relit as it is."""
CODES = ".safetensors"


@dataclass(frozen=True)
class Motion:
    """N frames of somebody's face as it moved.

    `codes` (N frames, their own light), `places` (N,) int: the source's frame at each, counted from its start; `fps`;
    `bridged` (N,) bool: no face was seen there, the codes are interpolated. `face` is the clip it comes from, None for
    saved codes. `name` and `sha256` tell the source.
    """

    codes: FaceCodes
    places: Array
    fps: float
    bridged: Array
    face: Face | None
    name: str
    sha256: str
    cut: bool = False
    """Whether frames without a face were left out."""

    def of(self, portrait: Face, mode: str) -> FaceCodes:
        """The portrait's face moving so, see `lcvd.face.align`; its own motion stays as it is."""
        if self.face is portrait:
            return self.codes
        return align(portrait.codes, self.codes, mode)


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
    """The motion of a driving clip, folder of pictures, saved codes (`.safetensors`, or `FaceCodes`), or `Face`.

    Args:
        driving: what `media_of` takes, or one of the others.
        scratch, settings, number: see `reconstruct`.
        start, end: seconds, of what has its own rate and of the others at `fps`.
        fps: rate of saved codes and of a folder's pictures, which have none (`RATE` unless given).

    Raises:
        ClipError, ValueError: as `media_of`, `reconstruct` and `FaceCodes.load`; no frame between start and end.
    """
    if isinstance(driving, Face):
        return motion_of(driving)
    if isinstance(driving, FaceCodes) or str(driving).endswith(CODES):
        rate = fps or RATE
        codes, name, sha256 = _saved(driving)
        places = np.arange(codes.frames)[round(start * rate) : None if end is None else round(end * rate)]
        if not len(places):
            raise UsageError(f"{name}: no frame from {start:g} s on: {codes.frames} frames at {rate:g} a second")
        seen = codes.window(places)
        return Motion(seen, places, rate, seen.confidence == 0, None, name, sha256)
    media = media_of(driving, scratch)
    if fps and isinstance(driving, (str, Path)) and Path(driving).is_dir():
        media = dataclasses.replace(media, clip=dataclasses.replace(media.clip, fps=fps))
    if media.still:
        raise ClipError("not_a_video", f"{media.name}: one picture holds no motion; drive with a clip, or leave it out")
    return motion_of(reconstruct(media.between(start, end), scratch, settings, number))


def motion_of(face: Face) -> Motion:
    """A clip's own motion; a still's is to stay as it is for `STILL_FRAMES` frames."""
    codes = face.codes.window([0] * STILL_FRAMES) if face.media.still else face.codes
    places = np.zeros(STILL_FRAMES, int) if face.media.still else np.arange(codes.frames)
    name, sha256 = face.media.name, face.media.sha256
    return Motion(codes, places, face.clip.fps, codes.confidence == 0, face, name, sha256)


def at_rate(motion: Motion, fps: float) -> Motion:
    """The motion at another rate, as long as it was: turns, expression, place and light are interpolated in time."""
    if fps == motion.fps or motion.codes.frames == 1:
        return dataclasses.replace(motion, fps=fps)
    last = motion.codes.frames - 1
    count = max(1, round(motion.codes.frames * fps / motion.fps))
    times = np.minimum(np.arange(count) * motion.fps / fps, last)
    nearest = np.rint(times).astype(int)
    codes = _between(motion.codes, times).replace(confidence=motion.codes.confidence[nearest])
    return dataclasses.replace(
        motion, codes=codes, places=motion.places[nearest], fps=fps, bridged=motion.bridged[nearest]
    )


def without_gaps(motion: Motion, rule: NoFace) -> Motion:
    """What `rule` makes of frames without a face: ``hold`` leaves them, bridged and marked; ``skip`` leaves them out.

    Raises:
        ClipError: ``fail``, and there are some: their seconds are told. ValueError: no such rule.
    """
    if rule not in NO_FACE:
        raise UsageError(f"no_face: expected one of {', '.join(NO_FACE)}, got {rule!r}")
    if rule == "hold" or not motion.bridged.any():
        return motion
    if rule == "fail":
        said = ", ".join(f"{a:.2f} to {b:.2f} s" for a, b in seconds_of(motion))
        raise ClipError(
            "no_face", f"{motion.name}: no face at {said}; cut them off (start, end), or let them be held or skipped"
        )
    kept = np.flatnonzero(~motion.bridged)
    return dataclasses.replace(
        motion, codes=motion.codes.window(kept), places=motion.places[kept], bridged=motion.bridged[kept], cut=True
    )


def seconds_of(motion: Motion) -> list[tuple[float, float]]:
    """When (seconds from the start, half-open) no face is seen."""
    edges = np.flatnonzero(np.diff(motion.bridged, prepend=False, append=False)).reshape(-1, 2) / motion.fps
    return [(round(float(a), 3), round(float(b), 3)) for a, b in edges]


def calmed(motion: Motion, strength: float) -> Motion:
    """The motion without jitter, see `lcvd.face.smooth`."""
    return dataclasses.replace(motion, codes=smooth(motion.codes, strength))


def _saved(driving: FaceCodes | str | Path) -> tuple[FaceCodes, str, str]:
    if isinstance(driving, FaceCodes):
        return driving, "(codes in memory)", ""
    path = Path(driving)
    if not path.is_file():
        raise ClipError("missing_file", f"{path}: no such file")
    return FaceCodes.load(path), path.name, file_hash(path)


def _between(codes: FaceCodes, times: Array) -> FaceCodes:
    """Codes at `times`, in frames."""
    frames = np.arange(codes.frames)

    def linear(values: Array) -> Array:
        flat = values.reshape(len(values), -1)
        columns: Iterable[Array] = (np.interp(times, frames, column) for column in flat.T)
        return np.stack(list(columns), axis=-1).reshape(len(times), *values.shape[1:]).astype(np.float32)

    joints = range(0, codes.pose.shape[1], 3)
    turns = [Slerp(frames, Rotation.from_rotvec(codes.pose[:, j : j + 3]))(times).as_rotvec() for j in joints]
    nearest = codes.window(np.rint(times).astype(int))
    moved = nearest.replace(pose=np.concatenate(turns, axis=1).astype(np.float32), light=linear(codes.light))
    places = linear(placement(codes)).astype(np.float64)
    return with_placement(moved.with_expression(linear(codes.expression)), places)
