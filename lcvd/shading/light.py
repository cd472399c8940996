"""The light on a face, from pictures: robust ridge least squares of spherical harmonics on visible skin.

The fit is made on display values (sRGB as stored, no gamma undone), because the hint that the light is for is a
display value too: the spec's shading (C4) is multiplied with a grey albedo and written without gamma. So a hint under
the fitted light has the picture's own contrast, and fitting a hint gives its light back.

A picture shows albedo times light and can't tell them apart. How a face's mean colour deviates from common skin under a
common exposure is shared out between the two by a Gaussian prior on their logarithms; the albedo is one colour a clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from lcvd.config.settings import LightSettings
from lcvd.shading.sh import LUMA, basis

Array = NDArray[Any]

SKIN = np.array([0.70, 0.49, 0.39])
"""Display values of common skin under shading 1."""
EXPOSURE = 0.95
"""Shading of a common picture's lit skin."""
LIT_SHARE = 0.3
"""Exposure is judged on this brightest share of the face, so that a half-dark face isn't taken for an underexposed one."""
SKIN_SHARE_LUMA, SKIN_SHARE_TINT = 0.5, 0.5
"""How much of a deviation in brightness, and in tint, is the skin's: var(skin) / (var(skin) + var(light))."""
FRONT = 0.3
"""Normals with a smaller z are left out: there the mesh and the picture fit each other least."""
GRID = 64
"""Samples are means over blocks, about GRID x GRID of them a picture."""
ROUNDS = 8
TUKEY = 4.685
"""Residuals beyond this many robust standard deviations count nothing."""
BAND2, TINT = 2.0, 5.0
"""Ridge on the quadratic band, and on each channel's deviation from a tinted copy of the luma light, against `ridge`."""


@dataclass(frozen=True)
class LightSamples:
    """Skin seen in T frames: N blocks with `normals` (N, 3) float16, `colours` (N, 3) uint8, `frame` (N,) int32.

    A frame costs about ten kilobytes whatever its size, so that a clip's samples fit in memory while its pixels don't.
    """

    normals: Array
    colours: Array
    frame: Array
    frames: int


def gather(frames: Array, normals: Array, skin: Array) -> LightSamples:
    """Samples of frames (T, S, S, 3) uint8 with normal images (T, S, S, 3), where `skin` (T, S, S) bool."""
    count, size = skin.shape[:2]
    block = max(1, size // GRID)
    cells = size // block
    cut = slice(0, cells * block)
    use = (skin & (normals[..., 2] > FRONT))[:, cut, cut]
    weight = _blocks(use[..., None].astype(np.float32), cells, block)
    enough = weight[..., 0] >= 0.5
    where = np.nonzero(enough)
    mean = [_blocks(image[:, cut, cut] * use[..., None], cells, block)[where] for image in (normals, frames)]
    unit = mean[0] / np.maximum(np.linalg.norm(mean[0], axis=-1, keepdims=True), 1e-6)
    colours = np.rint(mean[1] / weight[where]).astype(np.uint8)
    return LightSamples(unit.astype(np.float16), colours, where[0].astype(np.int32), count)


def join(parts: list[LightSamples]) -> LightSamples:
    """The samples of consecutive windows as those of one clip."""
    starts = np.cumsum([0, *(part.frames for part in parts)])
    return LightSamples(
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.colours for part in parts]),
        np.concatenate([part.frame + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32),
        int(starts[-1]),
    )


def fit_light(frames: Array, normals: Array, skin: Array, settings: LightSettings) -> Array:
    """One light a frame, float32 (T, 9, 3).

    Args:
        frames: pictures (T, S, S, 3) uint8 RGB.
        normals: normal images of the face in the camera's frame (T, S, S, 3).
        skin: pixels that show skin (T, S, S) bool.
        settings: ridge and smoothing.

    Raises:
        ValueError: see `solve`.
    """
    return solve(gather(frames, normals, skin), settings)


def solve(samples: LightSamples, settings: LightSettings) -> Array:
    """The clip's lights, float32 (T, 9, 3): each frame's own fit, smoothed over time, drawn to the clip's one light.

    Raises:
        ValueError: fewer than nine samples, so that there is nothing to fit.
    """
    if len(samples.frame) < 9:
        raise ValueError(f"{len(samples.frame)} blocks of visible skin in {samples.frames} frames; a light needs nine")
    terms = basis(samples.normals).astype(np.float64)
    colours = samples.colours / 255.0
    whole, weights = _robust(terms, colours, settings.ridge)
    matrices, sides = np.zeros((samples.frames, 9, 9)), np.zeros((samples.frames, 9, 3))
    edges = np.searchsorted(samples.frame, np.arange(samples.frames + 1))
    for t, (start, stop) in enumerate(zip(edges, edges[1:], strict=False)):
        weighted = terms[start:stop] * weights[start:stop, None]
        matrices[t] = weighted.T @ terms[start:stop]
        sides[t] = weighted.T @ colours[start:stop]
    if settings.smooth_frames > 0:
        matrices, sides = (
            gaussian_filter1d(part, settings.smooth_frames, axis=0, mode="nearest") for part in (matrices, sides)
        )
    pull = settings.frame_ridge * np.trace(matrices, axis1=1, axis2=2).max() / 9 * np.eye(9)
    lights = np.linalg.solve(matrices + pull, sides + pull @ whole)
    return (lights / albedo_of(terms, weights, whole)).astype(np.float32)


def albedo_of(terms: Array, weights: Array, light: Array) -> Array:
    """The clip's skin colour (3,), display values under shading 1, from the fitted colour of the face's lit part."""
    fitted = terms @ light
    luma = fitted @ np.asarray(LUMA)
    lit = weights * (luma >= np.quantile(luma[weights > 0], 1 - LIT_SHARE))
    mean = np.maximum((lit @ fitted) / lit.sum(), 1e-3)
    deviation = np.log(mean / (SKIN * EXPOSURE))
    brightness = deviation @ np.asarray(LUMA)
    return SKIN * np.exp(SKIN_SHARE_LUMA * brightness + SKIN_SHARE_TINT * (deviation - brightness))


def _robust(terms: Array, colours: Array, ridge: float) -> tuple[Array, Array]:
    """Ridge fit (9, 3) with Tukey weights (N,): hair, glasses, cast shadows and highlights count little or nothing."""
    weights = np.ones(len(terms))
    light = np.zeros((9, 3))
    bands = np.diag([1e-6, *[1.0] * 3, *[BAND2] * 5]) * ridge
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        matrix, side = weighted.T @ terms, weighted.T @ colours
        scale = np.trace(matrix) / 9
        luma = np.linalg.solve(matrix + scale * bands, side @ np.asarray(LUMA))
        mean = weights @ colours / weights.sum()
        tinted = luma[:, None] * (mean / max(mean @ np.asarray(LUMA), 1e-3))
        pull = scale * TINT * ridge * np.eye(9)
        light = np.linalg.solve(matrix + pull, side + pull @ tinted)
        error = np.linalg.norm(terms @ light - colours, axis=1)
        weights = np.clip(1 - (error / (TUKEY * max(1.4826 * float(np.median(error)), 2 / 255))) ** 2, 0, None) ** 2
    return light, weights


def _blocks(images: Array, cells: int, block: int) -> Array:
    count, channels = len(images), images.shape[-1]
    return images.reshape(count, cells, block, cells, block, channels).mean(axis=(2, 4), dtype=np.float32)
