"""Reconstruct the face in an image or clip; results are cached by content."""

import logging
import math
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from lcvd.array import Array
from lcvd.cache.store import Cache
from lcvd.config.reconstruct import ReconstructThresholds
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.square import resize_masks, square_pictures
from lcvd.ledger.rows import ClipError
from lcvd.reconstruct.stage import jitter_row, reconstruct_chunk
from lcvd.relighting.face_selection import clip_of_face
from lcvd.relighting.media import SETTLING, WINDOW, Media, media_of
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.encode import read_lossless

ANY = ReconstructThresholds(max_landmark_jitter=math.inf, max_pose_jitter=math.inf, max_light_jitter=math.inf)
log = logging.getLogger("lcvd.relight")


@dataclass(frozen=True)
class Face:
    """A reconstructed image or clip.

    `codes` has all frames of `clip`, or one frame for a still; `mask` (S, S) uint8 is the portrait mask of the first frame.
    """

    media: Media
    clip: Clip
    codes: FaceCodes
    mask: Array

    def first(self, size: int) -> tuple[Array, Array]:
        """The square crop of the first frame (size, size, 3) and its portrait mask (size, size), uint8."""
        image = square_pictures(read(self.clip, [0]), self.codes.square, size)[0]
        return image, resize_masks(self.mask[None], size)[0]

    @property
    def place(self) -> tuple[int, int, int]:
        """The square crop (x0, y0, side) in pixels of the uncropped frame."""
        x0, y0, side = (int(value) for value in self.codes.square)
        left, top = self.clip.crop[:2] if self.clip.crop else (0, 0)
        return x0 + left, y0 + top, side


def reconstruct(media: Media, scratch: Path, settings: Settings, number: int | None = None) -> Face:
    """Reconstruct the face in `media`, or read it from the cache in `scratch`.

    Args:
        media: clip or still; all of its frames are used.
        scratch: cache folder of tracks, codes and masks.
        settings: the sections `filter.track` (except `max_frames` and `window`) and `reconstruct` are used.
        number: which of several faces, counted from 1 from the left; None: the largest.

    Raises:
        ClipError: no face, or no face of that number; the message names the media.
    """
    clip = media.clip if number is None else clip_of_face(media.clip, number, media.name)
    with tempfile.TemporaryDirectory() as folder:
        codes = reconstruct_clip(clip, Path(folder), Cache(scratch / "cache"), settings, media.name)
        mask = read_lossless(Path(folder) / "masks" / f"{clip.id}.mkv", [0])[0]
    return Face(media, clip, codes.window([SETTLING - 1]) if media.still else codes, mask)


def reconstruct_clip(clip: Clip, folder: Path, cache: Cache, settings: Settings, name: str) -> FaceCodes:
    """Reconstruct all frames of a clip. Codes, mask and contact sheet are also written to `folder`, named by the clip's id.

    Raises:
        ClipError: as `reconstruct`; the message gives `name`.
    """
    track = settings.filter.track.model_copy(update={"max_frames": 0, "window": WINDOW})
    # The thresholds select clips for training; a single clip is always relit.
    part = settings.reconstruct.model_copy(update={"thresholds": ANY})
    whole = {"filter": settings.filter.model_copy(update={"track": track}), "reconstruct": part}
    row = reconstruct_chunk([clip], folder, cache, settings.model_copy(update=whole))[0]
    if row.status != "kept":
        raise ClipError(row.reason, row.detail if row.detail.startswith(name) else f"{name}: {row.detail}")
    if jittery := jitter_row(clip.id, row.fields, settings.reconstruct.thresholds):
        log.warning("%s: %s for training; --smooth reduces it", name, jittery.detail)
    return FaceCodes.load(folder / "codes" / f"{clip.id}.safetensors")


def reconstruct_file(path: Path, folder: Path, settings: Settings) -> tuple[FaceCodes, Path, Path]:
    """Reconstruct a video or image into `folder`; returns the codes, their file, and the contact sheet (PNG).

    Raises:
        ClipError: the file is unreadable or has no face; the message names it.
    """
    media = media_of(path, folder)
    codes = reconstruct_clip(media.clip, folder, Cache(folder / "cache"), settings, media.name)
    file = folder / "codes" / f"{media.clip.id}.safetensors"
    return codes, file, folder / "preview" / f"{media.clip.id}.png"


def digest_of(codes: FaceCodes, *more: str) -> dict[str, str]:
    """A hash of each array that decides the hints of these codes, and of the arrays called `more`: a part of cache keys."""
    names = ("identity", "expression", "pose", "camera", "crop", "square", *more)
    arrays = {name: getattr(codes, name) for name in names}
    found = {name: sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for name, array in arrays.items()}
    return {"head": codes.head, **found}
