"""The landmark fit as a least-squares problem: unknowns, data, residuals and derivatives, computed in chunks of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lcvd.array import Array
from lcvd.config.reconstruct import FitSettings
from lcvd.face.head import Head, rotations
from lcvd.face.track import FaceTrack

MOTION = 6
"""Number of motion unknowns per frame: rotation (3), log scale, shift (2). Expressions follow."""
GAPS = (
    (160, 144), (159, 145), (158, 153), (161, 163), (157, 154),  # upper and lower lid of the right eye
    (387, 373), (386, 374), (385, 380), (388, 390), (384, 381),  # and of the left eye
    (13, 14), (81, 178), (82, 87), (311, 402), (312, 317),  # upper and lower lip, inner rim
)  # fmt: skip
"""Pairs of landmarks across the eye and mouth openings. Their distance is more informative than their positions."""
UNSEEN = ("tongueOut", "eyeLook")
"""Prefixes of expressions that landmarks on the skin don't determine. Their coefficients stay 0."""
_CHUNK = 16


@dataclass(frozen=True)
class Problem:
    """Landmarks of T frames in NDC of the square, y up, divided by `unit` so that a head has a size of about 1.

    Data: target (T, L, 2), depth (T, L) towards the camera, present (T,) bool; rows without a face are zero.
    Head model: `rest` (L, 3), landmarks in the rest pose; `outward` (L, 3), directions away from the head; identity
    (K, L, 3); expression (E', L, 3), the E' free expressions; `free`, their indices. The last rows are not landmarks but
    differences of two (`GAPS`); `anchored` (L,) is 0 for them, else 1. `weights` (L,) of the landmarks sum to 1.
    """

    target: Array
    depth: Array
    present: Array
    unit: float
    rest: Array
    outward: Array
    identity: Array
    expression: Array
    free: Array
    weights: Array
    anchored: Array

    def frames(self, picked: Array) -> Problem:
        """Return the problem restricted to the frames `picked`."""
        return replace(self, target=self.target[picked], depth=self.depth[picked], present=self.present[picked])


@dataclass(frozen=True)
class State:
    """identity (K,), turn (T, 3, 3), scale (T,), shift (T, 2) after scaling, expression (T, E')."""

    identity: Array
    turn: Array
    scale: Array
    shift: Array
    expression: Array

    def moved(self, step: Array) -> State:
        """Return the state after a step (T, 6 + E') of the frames' unknowns. Expressions are clipped to [0, 1]."""
        return replace(
            self,
            turn=rotations(step[:, :3]) @ self.turn,
            scale=self.scale * np.exp(np.clip(step[:, 3], -0.5, 0.5)),
            shift=self.shift + step[:, 4:6],
            expression=np.clip(self.expression + step[:, MOTION:], 0, 1),
        )


def problem_of(
    head: Head, track: FaceTrack, square: Array, settings: FitSettings, only: Array | None = None
) -> Problem:
    """Build the least-squares problem for a track. `only` selects some of the head's landmarks (for held-out tests)."""
    pick = np.arange(len(head.landmark_indices)) if only is None else only
    marks = head.landmark_indices[pick].tolist()
    pairs = [[marks.index(a), marks.index(b)] for a, b in GAPS if a in marks and b in marks]
    gaps = np.array(pairs, int).reshape(-1, 2)
    corners, weights = head.landmark_corners[pick], head.landmark_weights[pick].astype(np.float64)

    def with_gaps(points: Array) -> Array:
        return np.concatenate([points, points[..., gaps[:, 0], :] - points[..., gaps[:, 1], :]], -2)

    def at_landmarks(field: Array) -> Array:
        return np.einsum("lk,...lkc->...lc", weights, field[..., corners, :])

    free = np.array([i for i, name in enumerate(head.expression_names) if not name.startswith(UNSEEN)])
    points = track.landmarks[:, marks].astype(np.float64)
    ndc = np.stack([points[..., 0] - square[0], points[..., 1] - square[1], points[..., 2]], -1) * 2 / square[2]
    ndc = (ndc - [1, 1, 0]) * [1, -1, -1] * track.present[:, None, None]
    rest = at_landmarks(head.template)
    unit = float(np.median(_spread(ndc[track.present])) / _spread(rest[None])[0])
    seen = with_gaps(ndc / unit)
    outward = rest - [0, rest[:, 1].mean(), -0.1]
    outward = np.concatenate([outward, outward[gaps[:, 0]]])
    trust = head.landmark_trust[pick].astype(np.float64)
    trust = trust / trust.sum()
    return Problem(
        target=seen[..., :2],
        depth=seen[..., 2],
        present=track.present,
        unit=unit,
        rest=with_gaps(rest),
        outward=outward / np.linalg.norm(outward, axis=1, keepdims=True),
        identity=with_gaps(at_landmarks(head.identity_basis)),
        expression=with_gaps(at_landmarks(head.expression_basis[free])),
        free=free,
        weights=np.concatenate([trust, np.full(len(gaps), settings.gap_trust / len(pick))]),
        anchored=np.repeat([1.0, 0.0], [len(pick), len(gaps)]),
    )


def starting_state(problem: Problem) -> State:
    """Align the mean head to each frame's 3-D landmarks with the best similarity transform (Procrustes)."""
    count = len(problem.present)
    seen = np.concatenate([problem.target, problem.depth[..., None]], -1)
    seen[~problem.present] = problem.rest
    weights = problem.weights * problem.anchored
    there = np.einsum("l,tlc->tc", weights, seen)
    here = weights @ problem.rest
    cov = np.einsum("l,tla,lb->tab", weights, seen - there[:, None], problem.rest - here)
    u, values, v = np.linalg.svd(cov)
    signs = np.ones((count, 3))
    signs[:, 2] = np.sign(np.linalg.det(u @ v))
    turn = (u * signs[:, None]) @ v
    scale = (values * signs).sum(1) / (weights @ ((problem.rest - here) ** 2).sum(1))
    shift = there[:, :2] - scale[:, None] * (turn @ here)[:, :2]
    nearest = np.abs(np.arange(count)[:, None] - np.flatnonzero(problem.present)).argmin(1)
    source = np.flatnonzero(problem.present)[nearest]  # frames without a face start from the nearest frame with one
    empty = np.zeros((count, len(problem.free)))
    return State(np.zeros(len(problem.identity)), turn[source], scale[source], shift[source], empty)


def residuals(problem: Problem, state: State) -> tuple[Array, Array]:
    """Return the head's rotated landmarks (T, L, 3) and residuals (T, L, 3). The mean of the z residuals is removed."""
    shape = problem.rest + np.tensordot(state.identity, problem.identity, 1)
    turned = (shape + np.tensordot(state.expression, problem.expression, 1)) @ state.turn.swapaxes(1, 2)
    scaled = state.scale[:, None, None] * turned
    flat = scaled[..., :2] + problem.anchored[:, None] * state.shift[:, None] - problem.target
    deep = scaled[..., 2] - problem.depth
    deep -= (deep @ (problem.weights * problem.anchored))[:, None]
    return turned, np.concatenate([flat, deep[..., None]], -1)


def normal_equations(problem: Problem, state: State, settings: FitSettings, with_identity: bool) -> tuple[Array, ...]:
    """Return the normal equations: blocks (T, n, n) and right-hand sides (T, n) of the frames' unknowns.

    With identity also the coupling blocks (T, n, K), and identity's block (K, K) and right-hand side (K,). Computed in
    single precision, in chunks of frames.
    """
    directions = np.concatenate([problem.expression] + ([problem.identity] if with_identity else []))
    directions = directions.transpose(2, 1, 0).astype(np.float32)  # (3, L, n')
    n, size = MOTION + len(problem.free), MOTION + directions.shape[2]
    whole, right = np.empty((len(problem.present), size, size)), np.empty((len(problem.present), size))
    for start in range(0, len(problem.present), _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, len(problem.present)))
        here = problem.frames(chunk)
        now = State(state.identity, *(getattr(state, name)[chunk] for name in ("turn", "scale", "shift", "expression")))
        turned, gap = residuals(here, now)
        root = np.sqrt(_trust(here, now, gap, settings)).transpose(0, 2, 1).astype(np.float32)  # (t, 3, L)
        jacobian = _jacobian(here, now, turned, directions)
        jacobian *= root[..., None]
        jacobian = jacobian.reshape(len(chunk), -1, size)
        rows = (root * gap.transpose(0, 2, 1).astype(np.float32)).reshape(len(chunk), -1, 1)
        whole[chunk] = jacobian.swapaxes(1, 2) @ jacobian
        right[chunk] = -(jacobian.swapaxes(1, 2) @ rows)[..., 0]
    blocks, coupling, identity = np.ascontiguousarray(whole[:, :n, :n]), whole[:, :n, n:], whole[:, n:, n:].sum(0)
    return blocks, right[:, :n], coupling, identity, right[:, n:].sum(0)


def _trust(problem: Problem, state: State, gap: Array, settings: FitSettings) -> Array:
    """Return the weight of each residual (T, L, 3).

    It is higher for reliable landmarks that face the camera, decreases with the residual (Cauchy), and is lower for z.
    """
    facing = problem.outward @ state.turn[:, 2].T  # (L, T)
    seen = np.clip((facing.T + 0.1) / 0.5, 0.1, 1)
    far = 1 / (1 + (gap[..., :2] ** 2).sum(-1) / settings.outlier**2)
    weight = problem.weights * seen * far * problem.present[:, None] * settings.evidence / settings.noise**2
    return np.stack([weight, weight, weight * problem.anchored * settings.depth_trust**2], -1)


def _jacobian(problem: Problem, state: State, turned: Array, directions: Array) -> Array:
    """Return the derivatives (T, 3, L, n) float32 of the residuals with respect to rotation, log scale, shift and the linear
    `directions` (3, L, n')."""
    count, marks, _ = turned.shape
    x, y, z = np.moveaxis(state.scale[:, None, None] * turned, -1, 0)
    nil = np.zeros_like(x)
    jacobian = np.empty((count, 3, marks, MOTION + directions.shape[2]), np.float32)
    for axis, row in enumerate(((nil, z, -y, x), (-z, nil, x, y), (y, -x, nil, z))):
        jacobian[:, axis, :, :4] = np.stack(row, -1)
    jacobian[..., 4:6] = np.eye(3, 2)[:, None] * problem.anchored[:, None]
    mixing = (state.scale[:, None, None] * state.turn).astype(np.float32)
    jacobian[..., MOTION:] = (mixing @ directions.reshape(3, -1)).reshape(count, 3, marks, -1)
    jacobian[:, 2] -= ((problem.weights * problem.anchored).astype(np.float32) @ jacobian[:, 2])[:, None]
    return jacobian


def _spread(points: Array) -> Array:
    """Return the RMS distance (T,) of points (T, L, C) from their centre in the image plane."""
    flat = points[..., :2]
    spread: Array = np.sqrt(((flat - flat.mean(1, keepdims=True)) ** 2).sum(-1).mean(1))
    return spread
