"""Photographs shipped in Python packages, decomposed into face codes, light, matte and background."""

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lcvd.array import Array
from lcvd.config.filter import TrackSettings
from lcvd.config.reconstruct import LightSettings, ReconstructSettings
from lcvd.errors import MissingPackage, UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import fit_track
from lcvd.face.head import load_head
from lcvd.face.masks.mediapipe import MediaPipeClipMasker
from lcvd.face.square import square_of, square_pictures
from lcvd.face.track import Tracker
from lcvd.light.skin_regions import light_of
from lcvd.render.pull_push import fill

PHOTOS = {
    "astronaut": ("skimage", "data/astronaut.png"),  # Eileen Collins, NASA, public domain
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),  # US Navy, public domain
}
"""For each identity, the package and the file in it."""
CROP = 2.6
"""Side of the square in face sizes: it includes more of the shoulders than a clip's square."""
SETTLING_FRAMES = 3
_MATTE_BLUR = 1 / 160
_MASK_GROWTH = 1 / 40


@dataclass(frozen=True)
class Photo:
    """A portrait of side S: image (S, S, 3) and background (S, S, 3) uint8, matte (S, S) float32 in [0, 1], and face
    codes of one frame with the original light."""

    image: Array
    matte: Array
    background: Array
    codes: FaceCodes


@functools.lru_cache(maxsize=8)
def load_photo(identity: str, size: int, mirrored: bool = False) -> Photo:
    """The photograph of `identity`, or its mirror image, cropped to a square of `size` px.

    Raises:
        ValueError: no photograph has that name, or its package is not installed.
    """
    pixels = np.asarray(Image.open(_path(identity)).convert("RGB"))
    pixels = np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels
    tracker = Tracker(TrackSettings())
    tracker.update(np.broadcast_to(pixels, (SETTLING_FRAMES, *pixels.shape)))
    seen = tracker.finish().slice(SETTLING_FRAMES - 1, SETTLING_FRAMES)
    square = square_of(seen, pixels.shape[1], pixels.shape[0], CROP)
    settings = ReconstructSettings()
    head = load_head(settings.fit.head)
    codes = fit_track(seen, square, head, settings.fit)
    image = square_pictures(pixels[None], square, size)
    codes = codes.replace(light=light_of(head, codes, [image], LightSettings()))
    masker = MediaPipeClipMasker()
    mask = masker.update(image)[0]
    masker.close()
    blur = max(0.8, size * _MATTE_BLUR)
    matte = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)
    grown = cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=round(size * _MASK_GROWTH))
    background = fill(image[0], 1 - grown.astype(np.float32) / 255)
    return Photo(image[0], matte, np.clip(background, 0, 255).astype(np.uint8), codes)


def _path(identity: str) -> Path:
    if identity not in PHOTOS:
        raise UsageError(f"the studio has no photograph {identity!r}; it has {', '.join(sorted(PHOTOS))}")
    package, inner = PHOTOS[identity]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(
            f"photograph {identity!r} comes with {package}, which isn't installed; install it with pip"
        )
    return Path(next(iter(spec.submodule_search_locations))) / inner
