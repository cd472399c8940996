"""The light on a face, from pictures: robust ridge least squares on visible skin, as lamps, given as SH.

A face's front shows too few normals to tell the constant from n_z and n_z^2: free coefficients fit its pixels well and
still miss the lamp's direction by 20 degrees (tests). So a clip's light is sought as a dome of lamps that can't be
negative plus an even fill, whose SH coefficients it then is; each frame's light deviates from it as far as its pixels
say so clearly.

The fit is made on display values (sRGB as stored, no gamma undone), because the hint that the light is for is a
display value too: the spec's shading (C4) is multiplied with a grey albedo and written without gamma. So a hint under
the fitted light has the picture's own contrast, and fitting a hint gives its light back.

A picture shows albedo times light and can't tell them apart. How a face's mean colour deviates from common skin under a
common exposure is shared out between the two by a Gaussian prior on their logarithms; the albedo is one colour a clip.
But no skin is even: a shaved chin, a socket or a nostril's shade stays where it is while head and light move, and what is
darker below looks like light from above. So each place of the face has a tone, near 1, found in turns with the light.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls

from lcvd.config.settings import LightSettings
from lcvd.shading.presets import ambient, lamp
from lcvd.shading.sh import LUMA, basis

Array = NDArray[Any]

SKIN = np.array([0.70, 0.51, 0.42])
"""Display values of common skin under shading 1."""
EXPOSURE = 0.95
"""Shading of a common picture's lit skin."""
LIT_SHARE = 0.3
"""Exposure is judged on this brightest share of the face: a half-dark face isn't an underexposed one."""
SKIN_SHARE_LUMA, SKIN_SHARE_TINT = 0.5, 0.6
"""How much of a deviation in brightness, and in tint, is the skin's: var(skin) / (var(skin) + var(light))."""
FRONT = 0.3
"""Normals with a smaller z are left out: there the mesh and the picture fit each other least."""
GRID = 64
"""Samples are means over blocks, about GRID x GRID of them a picture."""
ROUNDS = 8
TUKEY = 4.685
"""Residuals beyond this many robust standard deviations count nothing."""
TINT = 5.0
"""Ridge on each channel's deviation from a tinted copy of the luma's lamps, against `ridge`."""
TONE_PRIOR, TONE_ROUNDS = 0.3, 3
"""How firmly a place's tone is held at 1, in samples of a common place, and how often tones are found anew."""
LAMPS, BEHIND = 100, -0.5
"""Lamps spread over the sphere; those with a smaller z light nothing that is seen and are left out."""


@dataclass(frozen=True)
class LightSamples:
    """Skin seen in T frames: N blocks with `normals` (N, 3) float16, `colours` (N, 3) uint8, `frame` (N,) int32, and
    `place` (N,) int16, the number from 0 of the place on the face that a block shows.

    A frame costs about ten kilobytes whatever its size, so that a clip's samples fit in memory while its pixels don't.
    """

    normals: Array
    colours: Array
    frame: Array
    place: Array
    frames: int


@dataclass(frozen=True)
class SkinBlocks:
    """Where T frames of one size show skin, and its normals, whatever video is looked at there: a few dozen kilobytes a
    frame, so that the mesh of a clip is drawn once for all its videos."""

    use: Array
    """(T, bytes) uint8: which pixels count, packed."""
    where: Array
    """(N, 3) int16: frame, row and column of each block."""
    normals: Array
    place: Array
    """As in `LightSamples`."""
    shape: tuple[int, int, int]
    """Frames, blocks a side, pixels a block."""

    def samples(self, frames: Array) -> LightSamples:
        """The samples of frames (T, S, S, 3) uint8."""
        count, cells, block = self.shape
        side = cells * block
        use = np.unpackbits(self.use, axis=1, count=side * side).reshape(count, side, side, 1)
        where = tuple(self.where.T)
        weight = _blocks(use.astype(np.float32), cells, block)[where]
        mean = _blocks(frames[:, :side, :side] * use, cells, block)[where]
        colours = np.rint(mean / weight).astype(np.uint8)
        return LightSamples(self.normals, colours, self.where[:, 0].astype(np.int32), self.place, count)


def skin_blocks(normals: Array, skin: Array, places: Array | None = None) -> SkinBlocks:
    """Blocks of normal images (T, S, S, 3) where `skin` (T, S, S) bool; `places` as in `gather`."""
    count, size = skin.shape[:2]
    block = max(1, size // GRID)
    cells = size // block
    cut = slice(0, cells * block)
    use = (skin & (normals[..., 2] > FRONT))[:, cut, cut]
    where = np.nonzero(_blocks(use[..., None].astype(np.float32), cells, block)[..., 0] >= 0.5)
    mean = _blocks(normals[:, cut, cut] * use[..., None], cells, block)[where]
    unit = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-6)
    place = np.zeros(len(unit), np.int16)
    if places is not None:
        shown = np.where(use, places[:, cut, cut], -1).reshape(count, cells, block, cells, block)
        place = shown.max(axis=(2, 4))[where].astype(np.int16)
    packed = np.packbits(use.reshape(count, -1), axis=1)
    return SkinBlocks(
        packed, np.stack(where, axis=1).astype(np.int16), unit.astype(np.float16), place, (count, cells, block)
    )


def gather(frames: Array, normals: Array, skin: Array, places: Array | None = None) -> LightSamples:
    """Samples of frames (T, S, S, 3) uint8 with normal images (T, S, S, 3), where `skin` (T, S, S) bool.

    `places` (T, S, S) are numbers from 0 of places on the face; without them all skin has one tone.
    """
    return skin_blocks(normals, skin, places).samples(frames)


def join(parts: list[LightSamples]) -> LightSamples:
    """The samples of consecutive windows as those of one clip."""
    starts = np.cumsum([0, *(part.frames for part in parts)])
    return LightSamples(
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.colours for part in parts]),
        np.concatenate([part.frame + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32),
        np.concatenate([part.place for part in parts]),
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
    rounds = TONE_ROUNDS if samples.place.any() else 0
    tones = np.ones(len(colours))
    for _ in range(rounds):
        lights, _, weights = _lights(samples, terms, colours / tones[:, None], settings)
        fitted = np.einsum("nk,nkc->nc", terms, lights[samples.frame])
        tones = tones_of(samples.place, weights, fitted @ np.asarray(LUMA), colours @ np.asarray(LUMA))
    lights, whole, weights = _lights(samples, terms, colours / tones[:, None], settings)
    return (lights / albedo_of(terms, weights, whole)).astype(np.float32)


def tones_of(place: Array, weights: Array, fitted: Array, seen: Array) -> Array:
    """How much lighter than fitted each sample's place is, all over the clip: (N,), 1 on average.

    The least squares of tone x `fitted` = `seen`, both luma (N,), over the samples of each `place` (N,) with `weights`
    (N,), with a ridge to 1.
    """
    fitted = np.maximum(fitted, 0.02)
    square = np.bincount(place, weights * fitted * fitted)
    ridge = TONE_PRIOR * square.sum() / np.count_nonzero(square)
    tones = ((np.bincount(place, weights * fitted * seen) + ridge) / (square + ridge))[place]
    return np.asarray(tones / tones.mean())


def _lights(samples: LightSamples, terms: Array, colours: Array, settings: LightSettings) -> tuple[Array, Array, Array]:
    """Lights times albedo: each frame's (T, 9, 3) and the clip's (9, 3); and the samples' weights (N,)."""
    whole, weights = _robust(terms, colours, settings.ridge)
    matrices, sides = np.zeros((samples.frames, 9, 9)), np.zeros((samples.frames, 9, 3))
    edges = np.searchsorted(samples.frame, np.arange(samples.frames + 1))
    for t, (start, stop) in enumerate(itertools.pairwise(edges)):
        weighted = terms[start:stop] * weights[start:stop, None]
        matrices[t] = weighted.T @ terms[start:stop]
        sides[t] = weighted.T @ colours[start:stop]
    if settings.smooth_frames > 0:
        matrices, sides = (
            gaussian_filter1d(part, settings.smooth_frames, axis=0, mode="nearest") for part in (matrices, sides)
        )
    pull = settings.frame_ridge * np.trace(matrices, axis1=1, axis2=2).max() / 9 * np.eye(9)
    return np.linalg.solve(matrices + pull, sides + pull @ whole), whole, weights


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
    """The clip's light (9, 3) and Tukey weights (N,): hair, glasses, shadows and highlights count little or nothing."""
    weights = np.ones(len(terms))
    light = np.zeros((9, 3))
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        light = _dome_fit(weighted.T @ terms, weighted.T @ colours, weights @ colours / weights.sum(), ridge)
        error = np.linalg.norm(terms @ light - colours, axis=1)
        weights = np.clip(1 - (error / (TUKEY * max(1.4826 * float(np.median(error)), 2 / 255))) ** 2, 0, None) ** 2
    return light, weights


def _dome_fit(matrix: Array, sides: Array, mean: Array, ridge: float) -> Array:
    """Lamps w >= 0 that minimise |S B w - c|^2 + ridge |w|^2, given S'S (9, 9) and S'c (9, 3): their light B w (9, 3).

    First for luma, then for each channel, drawn to luma's lamps in the face's `mean` colour (3,).
    """
    dome = lamps()
    scale = np.trace(matrix) / 9
    root = np.linalg.cholesky(matrix + 1e-9 * scale * np.eye(9)).T
    luma = np.asarray(LUMA)

    def fit(side: Array, prior: Array, tint_ridge: float) -> Array:
        damping = np.full(dome.shape[1], ridge + tint_ridge)
        damping[-1] = tint_ridge + 1e-3 * ridge  # the even fill is no lamp: free
        damping = np.sqrt(scale * damping)
        target = np.concatenate([np.linalg.solve(root.T, side), scale * tint_ridge * prior / damping])
        return nnls(np.vstack([root @ dome, np.diag(damping)]), target)[0]

    grey = fit(sides @ luma, np.zeros(dome.shape[1]), 0.0)
    tint = mean / max(float(mean @ luma), 1e-3)
    return dome @ np.stack([fit(sides[:, c], grey * tint[c], TINT * ridge) for c in range(3)], axis=-1)


@functools.cache
def lamps() -> Array:
    """SH coefficients (9, L + 1) of L lamps on a Fibonacci sphere, and last of an even fill, all of unit strength."""
    place = np.arange(LAMPS) + 0.5
    z = 1 - 2 * place / LAMPS
    turn = np.pi * (1 + math.sqrt(5)) * place
    directions = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=-1)
    columns = [lamp(direction)[:, 0] for direction in directions[z > BEHIND]]
    return np.stack([*columns, ambient()[:, 0]], axis=-1).astype(np.float64)


def _blocks(images: Array, cells: int, block: int) -> Array:
    count, channels = len(images), images.shape[-1]
    return images.reshape(count, cells, block, cells, block, channels).mean(axis=(2, 4), dtype=np.float32)
