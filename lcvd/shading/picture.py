"""Face codes with light of a still picture: a reference portrait, or the picture whose light is wanted (spec C7)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import ReconstructSettings, TrackSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import fit_track
from lcvd.face.head import load_head
from lcvd.face.square import square_of
from lcvd.face.track import Tracker
from lcvd.ledger.rows import ClipError
from lcvd.shading.crop import square_pictures
from lcvd.shading.skin import light_of

SETTLING = 3
"""Times the tracker sees the picture: its refinement converges on what it found before."""


def codes_of_picture(
    picture: NDArray[Any], settings: ReconstructSettings, track: TrackSettings | None = None
) -> FaceCodes:
    """Codes of one frame, light included, of the largest face in `picture` (H, W, 3) uint8 RGB.

    Raises:
        ClipError: ``no_face``, or ``no_skin`` where nothing of the face can be seen.
        ValueError: not a uint8 RGB picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture must be (H, W, 3) uint8 RGB; this one is {picture.shape} {picture.dtype}")
    tracker = Tracker(track or TrackSettings())
    tracker.update(np.broadcast_to(picture, (SETTLING, *picture.shape)))
    seen = tracker.finish().slice(SETTLING - 1, SETTLING)
    height, width = picture.shape[:2]
    square = square_of(seen, width, height, settings.crop_scale)
    head = load_head(settings.fit.head)
    codes = fit_track(seen, square, head, settings.fit)
    shown = square_pictures(picture[None], square, settings.size)
    try:
        return codes.replace(light=light_of(head, codes, [shown], settings.light))
    except ValueError as error:
        raise ClipError("no_skin", f"the light can't be found: {error}") from None
