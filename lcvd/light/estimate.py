"""Estimate second-order SH lighting from face images: robust ridge regression over visible skin, parameterised as
non-negative directional lights.

The front of a face has too few distinct normals to separate the constant from n_z and n_z^2: unconstrained coefficients fit its
pixels well but give a lamp direction that is off by 20 degrees. So it is modelled as a dome of non-negative lamps plus ambient
fill, converted to SH coefficients. The clip's light is fitted first, then each frame's, regularised towards the clip's.

The fit uses display values (sRGB as stored, without linearisation), because hints are display values too: the spec's shading (C4)
is multiplied by a grey albedo and stored without gamma. A hint under the fitted light thus has the contrast of the image, and
fitting a hint recovers its light.

An image only determines the product of albedo and light. The deviation of a face's mean colour from average skin at average
exposure is divided between the two by a Gaussian prior on their logarithms; the albedo is one colour per clip. Skin isn't
uniform: a shaved chin or an eye socket stays dark while head and light move, and darker areas at the bottom look like light from
above. Each region of the face therefore has a tone near 1, which is estimated in alternation with the light.
"""

import functools
import itertools
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls

from lcvd.array import Array
from lcvd.config.reconstruct import LightSettings
from lcvd.ledger.rows import ClipError
from lcvd.light.presets import ambient, fibonacci_sphere, lamp
from lcvd.light.skin_samples import LightSamples, gather
from lcvd.render.sh import LUMA, basis

SKIN = np.array([0.70, 0.51, 0.42])
"""Display values of average skin under shading 1."""
EXPOSURE = 0.95
"""Shading of lit skin in an average image."""
LIT_SHARE = 0.3
"""Brightest fraction of the face, used to measure exposure: a half-dark face isn't underexposed."""
SKIN_SHARE_LUMA, SKIN_SHARE_TINT = 0.5, 0.6
"""Fractions of the deviation in brightness and in tint attributed to skin: var(skin) / (var(skin) + var(light))."""
AT_ONCE = 1 << 14
"""Number of samples processed at once, which limits the memory."""
ROUNDS, FRAME_ROUNDS = 8, 4
"""Number of reweighting rounds with the clip's light, and then with each frame's light."""
TUKEY = 4.685
"""Residuals beyond this many robust standard deviations have weight 0."""
TINT = 5.0
"""Ridge, relative to `ridge`, that keeps each channel's lamps near the tinted luma lamps."""
TONE_PRIOR, TONE_ROUNDS = 0.3, 3
"""Strength of the prior that a region's tone is 1, relative to the evidence of an average region, and number of rounds."""
LAMPS, BEHIND = 100, -0.5
"""Number of lamps on the sphere, and minimum z; lamps further back have no effect and are excluded."""


def fit_light(frames: Array, normals: Array, skin: Array, settings: LightSettings) -> Array:
    """Fit one light per frame, float32 (T, 9, 3).

    Args:
        frames: (T, S, S, 3) uint8 RGB.
        normals: normal images of the face in the camera's coordinates (T, S, S, 3).
        skin: skin mask (T, S, S).
        settings: ridge and smoothing.

    Raises:
        ClipError: see `solve`.
    """
    return solve(gather(frames, normals, skin), settings)


def solve(samples: LightSamples, settings: LightSettings) -> Array:
    """Lights of a clip, float32 (T, 9, 3): each frame's fit, smoothed over time and regularised towards the clip's light.

    Raises:
        ClipError: there are fewer than nine samples.
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
    """A clip's samples, in parts of `AT_ONCE`, and the tones of its regions."""

    def __init__(self, samples: LightSamples) -> None:
        self.samples = samples
        self.tones = np.ones(int(samples.place.max()) + 1)
        self.slices = [slice(start, start + AT_ONCE) for start in range(0, len(samples.frame), AT_ONCE)]

    def parts(self) -> Iterator[tuple[slice, Array, Array]]:
        """Slice of the samples, their basis functions (n, 9), and their colours (n, 3) divided by the tones, float64."""
        for part in self.slices:
            tones = self.tones[self.samples.place[part], None]
            yield part, self._terms(part), self.samples.colours[part] / (255.0 * tones)

    def frames(self, part: slice) -> Iterator[tuple[int, slice]]:
        """The frames in a part of the samples, each with the slice of its samples within the part."""
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
    """Tone (P,) of each of P regions over the clip: its brightness relative to the fit, 1 on average over samples.

    Least squares of tone x fitted = observed over the samples of each region, with a ridge towards 1. `square` (P,) is the sum
    of weight x fitted^2, `product` (P,) that of weight x fitted x observed, and `count` (P,) the number of samples.
    """
    ridge = TONE_PRIOR * square.sum() / np.count_nonzero(square)
    tones = (product + ridge) / (square + ridge)
    return np.asarray(tones * (count.sum() / (tones @ count)))


def _tones(skin: _Skin, weights: Array, lights: Array) -> Array:
    """Tones of the regions, given the samples' `weights` (N,) and each frame's light (T, 9, 3)."""
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
    """Normal equations (T, 9, 9), (T, 9, 3) of each frame's light times albedo, regularised towards the clip's `whole` (9, 3)."""
    samples = skin.samples
    matrices, sides = np.zeros((samples.frames, 9, 9)), np.zeros((samples.frames, 9, 3))
    for part, terms, colours in skin.parts():
        for t, seen in skin.frames(part):
            weighted = terms[seen] * weights[part][seen, None]
            matrices[t] += weighted.T @ terms[seen]
            sides[t] += weighted.T @ colours[seen]
    if settings.smooth_frames > 0:
        smooth = functools.partial(gaussian_filter1d, sigma=settings.smooth_frames, axis=0, mode="nearest")
        matrices, sides = smooth(matrices), smooth(sides)
    pull = settings.frame_ridge * np.trace(matrices, axis1=1, axis2=2).max() / 9 * np.eye(9)
    return matrices + pull, sides + pull @ whole


def albedo_of(fitted: Array, weights: Array) -> Array:
    """Skin colour (3,) of a clip in display values under shading 1, from the `fitted` colours (N, 3) of lit skin."""
    luma = fitted @ np.asarray(LUMA, np.float32)
    lit = weights * (luma >= np.quantile(luma[weights > 0], 1 - LIT_SHARE))
    mean = np.maximum((lit @ fitted) / lit.sum(), 1e-3)
    deviation = np.log(mean / (SKIN * EXPOSURE))
    brightness = deviation @ np.asarray(LUMA)
    return SKIN * np.exp(SKIN_SHARE_LUMA * brightness + SKIN_SHARE_TINT * (deviation - brightness))


def _fit(skin: _Skin, settings: LightSettings) -> tuple[Array, tuple[Array, Array], Array]:
    """The clip's light (9, 3), the normal equations of each frame's light, and the samples' Tukey weights (N,) float32, which
    are low for hair, glasses, shadows and highlights.

    The last rounds compute residuals with each frame's own light: if the light moves, samples that deviate from the clip's light
    are the best evidence for their frame.
    """
    whole, weights = _robust(skin, settings.ridge)
    equations = _equations(skin, weights, whole, settings)
    for _ in range(FRAME_ROUNDS):
        weights = _tukey(skin, np.linalg.solve(*equations))
        equations = _equations(skin, weights, whole, settings)
    return whole, equations, weights


def _robust(skin: _Skin, ridge: float) -> tuple[Array, Array]:
    """The clip's light (9, 3), and the samples' Tukey weights (N,) float32 under it."""
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
    """Tukey weights (N,) float32 of the samples from their residuals under the clip's light (9, 3) or each frame's (T, 9, 3)."""
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
    """Light B w (9, 3) of the lamps w >= 0 that minimise |S B w - c|^2 + ridge |w|^2, given S'S (9, 9) and S'c (9, 3).

    Lamps are fitted to luma first. Each channel's lamps are then regularised towards those, scaled by the face's mean colour,
    which is proportional to the constant row of S'c.
    """
    dome = lamps()
    scale = np.trace(matrix) / 9
    root = np.linalg.cholesky(matrix + 1e-9 * scale * np.eye(9)).T
    luma = np.asarray(LUMA)

    def fit(side: Array, prior: Array, tint_ridge: float) -> Array:
        damping = np.full(dome.shape[1], ridge + tint_ridge)
        damping[-1] = tint_ridge + 1e-3 * ridge  # the ambient fill: weak regularisation
        damping = np.sqrt(scale * damping)
        target = np.concatenate([np.linalg.solve(root.T, side), scale * tint_ridge * prior / damping])
        return nnls(np.vstack([root @ dome, np.diag(damping)]), target)[0]

    grey = fit(sides @ luma, np.zeros(dome.shape[1]), 0.0)
    tint = sides[0] / max(float(sides[0] @ luma), 1e-9 * scale)
    return dome @ np.stack([fit(sides[:, c], grey * tint[c], TINT * ridge) for c in range(3)], axis=-1)


@functools.cache
def lamps() -> Array:
    """SH coefficients (9, L + 1) of L lamps on a Fibonacci sphere and, last, ambient fill, all of unit strength."""
    columns = [lamp(direction)[:, 0] for direction in fibonacci_sphere(LAMPS) if direction[2] > BEHIND]
    return np.stack([*columns, ambient()[:, 0]], axis=-1).astype(np.float64)
