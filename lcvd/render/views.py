"""Visualisations: normals, coverage, and a sphere under a light."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.render.hints import Surface, to_uint8
from lcvd.render.sh import ALBEDO, shading

AWAY = 80
"""Grey level of covered pixels that face away from the camera, which are black in hints."""


def normal_images(surface: Surface) -> NDArray[np.uint8]:
    """Normals of the shaded pixels (T, S, S, 3) uint8, black elsewhere: RGB is (x, y, z), with -1 at 0 and 1 at 255.

    In the camera's coordinates: red to the image's right, green up, blue towards the camera.
    """
    colours = np.clip(np.rint((surface.normals + 1) * 127.5), 0, 255).astype(np.uint8)
    return colours * surface.alpha[..., None]


def coverage_images(surface: Surface) -> NDArray[np.uint8]:
    """Coverage (T, S, S, 3) uint8: white is shaded, `AWAY` is covered but faces away, black has no face."""
    grey = np.where(surface.alpha, np.uint8(255), np.where(surface.fragments.coverage, np.uint8(AWAY), np.uint8(0)))
    return np.repeat(grey[..., None], 3, axis=-1)


def lit_sphere(light: Array, size: int, border: float = 1.1, samples: int = 2) -> NDArray[np.uint8]:
    """A grey sphere under `light` (9, 3): (size, size, 3) uint8 on black.

    The image is `border` sphere diameters wide; each pixel is the mean of `samples` x `samples`.
    """
    inside, normals = _sphere(samples * size, border)
    fine = np.zeros((*inside.shape, 3), np.uint8)
    fine[inside] = to_uint8(ALBEDO * shading(normals, light))
    return fine if samples == 1 else cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


@functools.cache
def _sphere(size: int, border: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Mask (size, size) of the sphere, and the normals (N, 3) of its pixels."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1) * border
    x, y = np.meshgrid(axis, -axis)
    inside = x**2 + y**2 < 1
    x, y = x[inside], y[inside]
    return inside, np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=-1)
