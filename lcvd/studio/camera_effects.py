"""Random warp, feature proportions, tone, sharpness and grain of a photograph."""

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.studio.layout import FaceLayout

WARP_STD, FACE_WARP_STD = 0.04, 0.012
"""Standard deviations of the displacement as a fraction of the image side. It is smaller in the face, where the mesh
must still fit."""
WARP_GRID = 5
"""Control points of the random warp per side."""
FEATURE_SCALE_STD, FEATURE_SHIFT_STD = 0.22, 0.04
"""Standard deviations of the size (log scale) and the shift (in eye distances) of eyes, nose and mouth."""


def random_warp(image: Array, matte: Array, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Image (S, S, 3) and matte (S, S) after a smooth random warp; `skin` (S, S) in [0, 1] marks the face, which is
    warped least."""
    size = len(image)
    lattice = rng.standard_normal((WARP_GRID, WARP_GRID, 2)).astype(np.float32)
    field = cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(cv2.dilate(skin, np.ones((size // 16, size // 16))), (0, 0), size / 20)[..., None]
    field = field * size * (WARP_STD + (FACE_WARP_STD - WARP_STD) * np.clip(soft, 0, 1))
    return _remap(image, field), _remap(matte, field)


def vary_features(image: Array, layout: FaceLayout, rng: np.random.Generator) -> Array:
    """Image (S, S, 3) with eyes, nose and mouth resized and shifted slightly, so that a network cannot memorise the
    proportions of one person."""
    size, eye_distance = len(image), layout.eye_distance
    mouth = layout.mouth.mean(0)
    nose = layout.eyes.mean(0) + 0.62 * (mouth - layout.eyes.mean(0))
    y, x = np.mgrid[:size, :size].astype(np.float32)
    field = np.zeros((size, size, 2), np.float32)
    eyes = rng.standard_normal()
    for centre, reach, larger in (
        (layout.eyes[0], 0.4, eyes + 0.2 * rng.standard_normal()),
        (layout.eyes[1], 0.4, eyes + 0.2 * rng.standard_normal()),
        (nose, 0.35, rng.standard_normal()),
        (mouth, 0.45, rng.standard_normal()),
    ):
        away = np.stack([x, y], -1) - centre.astype(np.float32)
        near = np.exp(-((away / (reach * eye_distance)) ** 2).sum(-1, keepdims=True))
        shift = FEATURE_SHIFT_STD * eye_distance * rng.standard_normal(2).astype(np.float32)
        field += near * ((np.exp(-FEATURE_SCALE_STD * larger) - 1) * away - shift).astype(np.float32)
    return _remap(image, field)


def _remap(plane: Array, field: Array) -> Array:
    """Resample a plane (S, S, ...): each output pixel is read at an offset of `field` (S, S, 2) pixels."""
    size = len(plane)
    y, x = np.mgrid[:size, :size].astype(np.float32) + np.moveaxis(field[..., ::-1], -1, 0)
    return cv2.remap(plane.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def vary_tones(image: Array, rng: np.random.Generator) -> Array:
    """Image (S, S, 3) in [0, 255] with random contrast, saturation, colour cast, sharpness and grain."""
    values = np.clip(image / 255, 0, 1).astype(np.float32)
    values = values ** np.exp(0.2 * rng.standard_normal())
    curve = values * values * (3 - 2 * values)
    values = values + rng.uniform(-0.3, 0.8) * (curve - values)
    grey = values.mean(-1, keepdims=True)
    values = grey + rng.uniform(0.5, 1.3) * (values - grey)
    values = values * np.exp(0.06 * rng.standard_normal(3))
    width = len(image) / 160
    values = values + rng.uniform(-0.8, 1.5) * (values - cv2.GaussianBlur(values, (0, 0), width))
    noise = cv2.GaussianBlur(rng.standard_normal(values.shape).astype(np.float32), (0, 0), 0.5 * width)
    return 255 * np.clip(values + 0.04 * rng.uniform() ** 2 * noise / noise.std(), 0, 1)
