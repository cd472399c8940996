"""Second-order spherical-harmonics (SH) light: the shading formula of the spec (C4), and a light's direction and contrast.

A light is ``(9, 3)``: nine coefficients for R, G and B in the camera's coordinates (x to the image's right, y up, z towards
the camera). The constants include the Lambertian kernel, except for the factor pi of the constant term.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.render.threads import over_frames

CONSTANTS = (
    1 / math.sqrt(4 * math.pi),
    *(2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi)),) * 3,
    *(math.pi / 4 * 3 * math.sqrt(5 / (12 * math.pi)),) * 3,
    math.pi / 4 * 1.5 * math.sqrt(5 / (12 * math.pi)),
    math.pi / 4 * 0.5 * math.sqrt(5 / (4 * math.pi)),
)
LUMA = (0.2126, 0.7152, 0.0722)
ALBEDO = 180 / 255
"""Albedo of the grey head in hints."""
MAX_IMAGE_NORMAL_Z = 0.15
"""Pixels whose projected normal points further away from the camera than this stay black."""
_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8 = (np.float32(value) for value in CONSTANTS)
_ONE, _THREE = np.float32(1), np.float32(3)


def _terms(x: Any, y: Any, z: Any) -> Any:
    """The nine basis functions with their constants, of numbers or arrays."""
    band1 = (_A1 * x, _A2 * y, _A3 * z)
    band2 = (_A4 * (x * y), _A5 * (x * z), _A6 * (y * z), _A7 * (x * x - y * y), _A8 * (_THREE * (z * z) - _ONE))
    return (_A0, *band1, *band2)


_terms_compiled = njit(inline="always")(_terms)


def basis(normals: Array) -> Array:
    """The nine basis functions with their constants at unit normals (..., 3): float32 (..., 9)."""
    x, y, z = np.moveaxis(np.asarray(normals, np.float32), -1, 0)
    return np.stack([np.broadcast_to(term, x.shape) for term in _terms(x, y, z)], axis=-1)


def shading(normals: Array, light: Array) -> Array:
    """Shading S at normals (..., 3) under one light (9, 3): float32 (..., 3), unclamped. A surface of albedo a has the value a * S."""
    return basis(normals) @ check_light(light)


@njit(nogil=True, cache=True)
def _shade_frame(normals: Array, alpha: Array, light: Array, albedo: np.float32, out: Array) -> None:
    for i in range(normals.shape[0]):
        for j in range(normals.shape[1]):
            if alpha[i, j]:
                _shade_pixel(normals[i, j], light, albedo, out[i, j])


@njit(nogil=True, inline="always")
def _shade_pixel(normal: Array, light: Array, albedo: np.float32, out: Array) -> None:
    """Write albedo * S of a normal (3,) under a light (9, 3) to `out` (3,), which may be the normal itself."""
    terms = _terms_compiled(normal[0], normal[1], normal[2])
    for c in range(3):
        total = np.float32(0)
        for k in range(9):
            total += terms[k] * light[k, c]
        out[c] = albedo * total


def shade_images(normals: Array, alpha: Array, light: Array, albedo: float) -> Array:
    """Shade normal images (T, H, W, 3) with one light per frame (T, 9, 3): albedo * S where alpha (T, H, W), else 0.

    Returns float32 (T, H, W, 3), unclamped.
    """
    normals, light = np.ascontiguousarray(normals, np.float32), np.ascontiguousarray(light, np.float32)
    alpha = np.ascontiguousarray(alpha, bool)
    out = np.zeros(normals.shape, np.float32)
    scale = np.float32(albedo)
    over_frames(lambda t: _shade_frame(normals[t], alpha[t], light[t], scale, out[t]), len(normals))
    return out


def shade_fragments(face_index: Array, bary: Array, faces: Array, normals: Array, away: Array, light: Array) -> Array:
    """Shade rasterised pixels in a single pass: (T, H, W, 3) uint8 with albedo `ALBEDO`, clamped and truncated.

    Args:
        face_index: (T, H, W), negative where no triangle is visible. bary: (T, H, W, 3). faces: (F, 3).
        normals: vertex normals (T, V, 3).
        away: z of the projected vertex normals (T, V). Pixels not below `MAX_IMAGE_NORMAL_Z` stay black.
        light: one light per frame (T, 9, 3).
    """
    light, away = np.ascontiguousarray(light, np.float32), np.ascontiguousarray(away, np.float32)
    faces, out = np.ascontiguousarray(faces, np.int64), np.zeros(bary.shape, np.uint8)
    over_frames(
        lambda t: _shade_fragments_frame(face_index[t], bary[t], faces, normals[t], away[t], light[t], out[t]), len(out)
    )
    return out


@njit(nogil=True, cache=True)
def _shade_fragments_frame(
    face_index: Array, bary: Array, faces: Array, normals: Array, away: Array, light: Array, out: Array
) -> None:
    shade = np.empty(3, np.float32)
    for y in range(face_index.shape[0]):
        for x in range(face_index.shape[1]):
            if face_index[y, x] < 0:
                continue
            a, b, c = faces[face_index[y, x]]
            wa, wb, wc = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            if not wa * away[a] + wb * away[b] + wc * away[c] < MAX_IMAGE_NORMAL_Z:
                continue
            for k in range(3):
                shade[k] = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
            _shade_pixel(shade, light, np.float32(ALBEDO), shade)
            for k in range(3):
                out[y, x, k] = np.uint8(min(max(shade[k], np.float32(0)), np.float32(1)) * np.float32(255))


def check_light(light: Array) -> Array:
    """The light as float32 (..., 9, 3).

    Raises:
        UsageError: the shape differs, or a value isn't finite.
    """
    light = np.asarray(light, np.float32)
    if light.shape[-2:] != (9, 3):
        raise UsageError(f"a light has shape (9, 3), nine coefficients for R, G and B; this one has {light.shape}")
    if not np.isfinite(light).all():
        raise UsageError("a light must be finite; this one has nan or inf among its coefficients")
    return light


def dominant_direction(light: Array) -> Array:
    """Unit vector (..., 3) towards the dominant light of (..., 9, 3); zeros for a light without direction.

    It is the direction of the luma-weighted linear band, whose three basis functions have the same constant.
    """
    band = np.asarray(light, np.float32)[..., 1:4, :] @ np.asarray(LUMA, np.float32)
    length = np.linalg.norm(band, axis=-1, keepdims=True)
    return np.where(length > 1e-6, band / np.maximum(length, 1e-6), 0).astype(np.float32)


def contrast(light: Array) -> Array:
    """Contrast (...) of lights (..., 9, 3): amplitude of the shading's linear band divided by its mean, in luma.

    Even light has 0, a single distant lamp 2, darkness 0.
    """
    luma = np.asarray(light, np.float32) @ np.asarray(LUMA, np.float32)
    mean = CONSTANTS[0] * luma[..., 0]
    linear = CONSTANTS[1] * np.linalg.norm(luma[..., 1:4], axis=-1)
    return np.where(mean > 1e-6, linear / np.maximum(mean, 1e-6), 0).astype(np.float32)
