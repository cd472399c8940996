"""The light on a face, from pictures: robust ridge least squares on visible skin, as lamps, given as SH.

A face's front shows too few normals to tell the constant from n_z and n_z^2: free coefficients fit its pixels well and
still miss the lamp's direction by 20 degrees (tests). So a light is sought as a dome of lamps that can't be negative plus
an even fill, whose SH coefficients it then is: first the clip's, then each frame's, drawn to the clip's where its pixels
don't say otherwise.

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
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls

from lcvd.array import Array
from lcvd.config.reconstruct import LightSettings
from lcvd.ledger.rows import ClipError
from lcvd.light.presets import ambient, lamp
from lcvd.light.skin_samples import LightSamples, gather
from lcvd.render.sh import LUMA, basis

SKIN = np.array([0.70, 0.51, 0.42])
"""Display values of common skin under shading 1."""
EXPOSURE = 0.95
"""Shading of a common picture's lit skin."""
LIT_SHARE = 0.3
"""Exposure is judged on this brightest share of the face: a half-dark face isn't an underexposed one."""
SKIN_SHARE_LUMA, SKIN_SHARE_TINT = 0.5, 0.6
"""How much of a deviation in brightness, and in tint, is the skin's: var(skin) / (var(skin) + var(light))."""
AT_ONCE = 1 << 14
"""Samples worked on at once: what a clip of any length needs beside its samples is a few bytes for each."""
ROUNDS, FRAME_ROUNDS = 8, 4
"""How often samples are weighed anew: by the clip's light, and then by each frame's."""
TUKEY = 4.685
"""Residuals beyond this many robust standard deviations count nothing."""
TINT = 5.0
"""Ridge on each channel's deviation from a tinted copy of the luma's lamps, against `ridge`."""
TONE_PRIOR, TONE_ROUNDS = 0.3, 3
"""How firmly a place's tone is held at 1, in samples of a common place, and how often tones are found anew."""
LAMPS, BEHIND = 100, -0.5
"""Lamps spread over the sphere; those with a smaller z light nothing that is seen and are left out."""


def fit_light(frames: Array, normals: Array, skin: Array, settings: LightSettings) -> Array:
    """One light a frame, float32 (T, 9, 3).

    Args:
        frames: pictures (T, S, S, 3) uint8 RGB.
        normals: normal images of the face in the camera's frame (T, S, S, 3).
        skin: pixels that show skin (T, S, S) bool.
        settings: ridge and smoothing.

    Raises:
        ClipError: see `solve`.
    """
    return solve(gather(frames, normals, skin), settings)


def solve(samples: LightSamples, settings: LightSettings) -> Array:
    """The clip's lights, float32 (T, 9, 3): each frame's own fit, smoothed over time, drawn to the clip's one light.

    Raises:
        ClipError: fewer than nine samples, so that there is nothing to fit.
    """
    if len(samples.frame) < 9:
        raise ClipError(
            "no_skin", f"{len(samples.frame)} blocks of visible skin in {samples.frames} frames; a light needs nine"
        )
    skin = _Skin(samples)
    for _ in range(TONE_ROUNDS if samples.place.any() else 0):
        _, equations, weights = _fit(skin, settings)
        skin.tones = _tones(skin, weights, np.linalg.solve(*equations))
    whole, equations, weights = _fit(skin, settings)
    lights = np.stack([_dome_fit(matrix, side, settings.ridge) for matrix, side in zip(*equations, strict=True)])
    return (lights / albedo_of(skin.fitted(whole), weights)).astype(np.float32)


class _Skin:
    """A clip's samples, `AT_ONCE` of them at a time, and the tones of its places."""

    def __init__(self, samples: LightSamples) -> None:
        self.samples = samples
        self.tones = np.ones(int(samples.place.max()) + 1)
        self.slices = [slice(start, start + AT_ONCE) for start in range(0, len(samples.frame), AT_ONCE)]

    def parts(self) -> Iterator[tuple[slice, Array, Array]]:
        """Which samples; their basis functions (n, 9) and colours (n, 3) without tones, float64."""
        for part in self.slices:
            tones = self.tones[self.samples.place[part], None]
            yield part, self._terms(part), self.samples.colours[part] / (255.0 * tones)

    def frames(self, part: slice) -> Iterator[tuple[int, slice]]:
        """The frames that a part shows, and which of its samples are of each."""
        frames = self.samples.frame[part]
        first, last = int(frames[0]), int(frames[-1])
        edges = np.searchsorted(frames, np.arange(first, last + 2))
        for t, (start, stop) in enumerate(itertools.pairwise(edges), first):
            yield t, slice(start, stop)

    def fitted(self, light: Array) -> Array:
        """Colours (N, 3) float32 under `light` (9, 3)."""
        return np.concatenate([(self._terms(part) @ light).astype(np.float32) for part in self.slices])

    def _terms(self, part: slice) -> Array:
        return basis(self.samples.normals[part]).astype(np.float64)


def tones_of(square: Array, product: Array, count: Array) -> Array:
    """How much lighter than fitted each of P places is, all over the clip: (P,), 1 on average over samples.

    The least squares of tone x fitted = seen over the samples of each place, with a ridge to 1; `square` (P,) sums up
    weight x fitted^2, `product` (P,) weight x fitted x seen, `count` (P,) samples.
    """
    ridge = TONE_PRIOR * square.sum() / np.count_nonzero(square)
    tones = (product + ridge) / (square + ridge)
    return np.asarray(tones * (count.sum() / (tones @ count)))


def _tones(skin: _Skin, weights: Array, lights: Array) -> Array:
    """Tones of the places, given the samples' `weights` (N,) and each frame's light (T, 9, 3)."""
    samples, luma = skin.samples, np.asarray(LUMA)
    square, product, count = (np.zeros(len(skin.tones)) for _ in range(3))
    for part, terms, colours in skin.parts():
        place, frame = samples.place[part], samples.frame[part]
        fitted = np.maximum(np.einsum("nk,nk->n", terms, (lights @ luma)[frame]), 0.02)
        seen = (colours @ luma) * skin.tones[place]
        for total, values in ((square, fitted), (product, seen)):
            total += np.bincount(place, weights[part] * fitted * values, len(total))
        count += np.bincount(place, minlength=len(count))
    return tones_of(square, product, count)


def _equations(skin: _Skin, weights: Array, whole: Array, settings: LightSettings) -> tuple[Array, Array]:
    """Normal equations (T, 9, 9) and (T, 9, 3) of each frame's light times albedo, drawn to the clip's `whole` (9, 3)."""
    samples = skin.samples
    matrices, sides = np.zeros((samples.frames, 9, 9)), np.zeros((samples.frames, 9, 3))
    for part, terms, colours in skin.parts():
        for t, seen in skin.frames(part):
            weighted = terms[seen] * weights[part][seen, None]
            matrices[t] += weighted.T @ terms[seen]
            sides[t] += weighted.T @ colours[seen]
    if settings.smooth_frames > 0:
        matrices, sides = (
            gaussian_filter1d(part, settings.smooth_frames, axis=0, mode="nearest") for part in (matrices, sides)
        )
    pull = settings.frame_ridge * np.trace(matrices, axis1=1, axis2=2).max() / 9 * np.eye(9)
    return matrices + pull, sides + pull @ whole


def albedo_of(fitted: Array, weights: Array) -> Array:
    """The clip's skin colour (3,), display values under shading 1, from the `fitted` colours (N, 3) of the face's lit
    part."""
    luma = fitted @ np.asarray(LUMA, np.float32)
    lit = weights * (luma >= np.quantile(luma[weights > 0], 1 - LIT_SHARE))
    mean = np.maximum((lit @ fitted) / lit.sum(), 1e-3)
    deviation = np.log(mean / (SKIN * EXPOSURE))
    brightness = deviation @ np.asarray(LUMA)
    return SKIN * np.exp(SKIN_SHARE_LUMA * brightness + SKIN_SHARE_TINT * (deviation - brightness))


def _fit(skin: _Skin, settings: LightSettings) -> tuple[Array, tuple[Array, Array], Array]:
    """The clip's light (9, 3), the equations of each frame's, and the samples' Tukey weights (N,) float32: hair, glasses,
    shadows and highlights count little or nothing.

    In the end a sample is judged by its own frame's light: where the light moves, what is far from the clip's one light
    is the most that is known about its frame's.
    """
    whole, weights = _robust(skin, settings.ridge)
    equations = _equations(skin, weights, whole, settings)
    for _ in range(FRAME_ROUNDS):
        weights = _tukey(skin, np.linalg.solve(*equations))
        equations = _equations(skin, weights, whole, settings)
    return whole, equations, weights


def _robust(skin: _Skin, ridge: float) -> tuple[Array, Array]:
    """The clip's light (9, 3), and the samples' Tukey weights (N,) float32 by it."""
    weights = np.ones(len(skin.samples.frame), np.float32)
    light = np.zeros((9, 3))
    for _ in range(ROUNDS):
        matrix, sides = np.zeros((9, 9)), np.zeros((9, 3))
        for part, terms, colours in skin.parts():
            weighted = terms * weights[part, None]
            matrix += weighted.T @ terms
            sides += weighted.T @ colours
        light = _dome_fit(matrix, sides, ridge)
        weights = _tukey(skin, light)
    return light, weights


def _tukey(skin: _Skin, light: Array) -> Array:
    """Tukey weights (N,) float32 of samples by what the clip's light (9, 3), or their frame's (T, 9, 3), makes of them."""
    errors = np.empty(len(skin.samples.frame), np.float32)
    for part, terms, colours in skin.parts():
        if light.ndim == 2:
            colours -= terms @ light
        else:
            for t, seen in skin.frames(part):
                colours[seen] -= terms[seen] @ light[t]
        errors[part] = np.linalg.norm(colours, axis=1)
    spread = TUKEY * max(1.4826 * float(np.median(errors)), 2 / 255)
    return np.clip(1 - (errors / np.float32(spread)) ** 2, 0, None) ** 2


def _dome_fit(matrix: Array, sides: Array, ridge: float) -> Array:
    """Lamps w >= 0 that minimise |S B w - c|^2 + ridge |w|^2, given S'S (9, 9) and S'c (9, 3): their light B w (9, 3).

    First for luma, then for each channel, drawn to luma's lamps in the face's mean colour, which the constant's
    side is a multiple of.
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
    tint = sides[0] / max(float(sides[0] @ luma), 1e-9 * scale)
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
