"""What the renderer sees, as pictures for people: normals and coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lcvd.render.hints import Surface

AWAY = 80
"""Grey level of what is covered but faces away from the camera, so that hints leave it black."""


def normal_images(surface: Surface) -> NDArray[np.uint8]:
    """Normals of the shaded pixels (T, S, S, 3) uint8, black elsewhere: RGB is (x, y, z), -1 at 0 and 1 at 255.

    The camera's frame: red to the picture's right, green up, blue to the camera.
    """
    colours = np.clip(np.rint((surface.normals + 1) * 127.5), 0, 255).astype(np.uint8)
    return colours * surface.alpha[..., None]


def coverage_images(surface: Surface) -> NDArray[np.uint8]:
    """Coverage (T, S, S, 3) uint8: white is shaded, `AWAY` covered but facing away, black sees no face."""
    grey = np.where(surface.alpha, np.uint8(255), np.where(surface.coverage, np.uint8(AWAY), np.uint8(0)))
    return np.repeat(grey[..., None], 3, axis=-1)
