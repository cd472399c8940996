"""The landmark fit as least squares: unknowns, data, residuals and their derivatives, a window of frames at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.config.reconstruct import FitSettings
from lcvd.face.head import Head, rotations
from lcvd.face.track import FaceTrack

Array = NDArray[Any]
MOTION = 6
"""Unknowns of a frame's motion: turn (3), log scale, shift (2). Expressions follow."""
GAPS = (
    (160, 144), (159, 145), (158, 153), (161, 163), (157, 154),  # upper and lower lid of the right eye
    (387, 373), (386, 374), (385, 380), (388, 390), (384, 381),  # and of the left eye
    (13, 14), (81, 178), (82, 87), (311, 402), (312, 317),  # upper and lower lip, inner rim
)  # fmt: skip
"""Landmarks across the eyes' and the mouth's openings: how far these are open shows more than where they are."""
UNSEEN = ("tongueOut", "eyeLook")
"""Expressions that landmarks of the skin can't tell: they stay 0."""
_CHUNK = 16


@dataclass(frozen=True)
class Problem:
    """Landmarks of T frames in NDC of the square, y up, divided by `unit` so that a head has a size of about 1.

    target (T, L, 2), depth (T, L) towards the camera, present (T,) bool; rows without a face are zero. The head's
    landmarks at rest (L, 3), `outward` from the head (L, 3), identity (K, L, 3) and the E' free expressions (E', L, 3),
    `free` their numbers. The last rows aren't landmarks but differences of two (`GAPS`): `anchored` (L,) is 0 there,
    else 1. `weights` (L,) are shares: those of the landmarks sum to 1.
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
        """The problem of some frames."""
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
        """After a step (T, 6 + E') of the frames' unknowns; expressions stay within [0, 1]."""
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
    """The least-squares problem of a track; `only` picks some of the head's landmarks (for held-out tests)."""
    pick = np.arange(len(head.landmark_indices)) if only is None else only
    marks = head.landmark_indices[pick].tolist()
    gaps = np.array([[marks.index(a), marks.index(b)] for a, b in GAPS if a in marks and b in marks], int).reshape(
        -1, 2
    )
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
    """The mean head, laid on each frame's three-dimensional landmarks by the best similarity (Procrustes)."""
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
    source = np.flatnonzero(problem.present)[nearest]  # frames without a face start where the nearest one is
    empty = np.zeros((count, len(problem.free)))
    return State(np.zeros(len(problem.identity)), turn[source], scale[source], shift[source], empty)


def residuals(problem: Problem, state: State) -> tuple[Array, Array]:
    """Turned landmarks of the head (T, L, 3) and their distance (T, L, 3) from the data; z without its mean."""
    shape = problem.rest + np.tensordot(state.identity, problem.identity, 1)
    turned = (shape + np.tensordot(state.expression, problem.expression, 1)) @ state.turn.swapaxes(1, 2)
    scaled = state.scale[:, None, None] * turned
    flat = scaled[..., :2] + problem.anchored[:, None] * state.shift[:, None] - problem.target
    deep = scaled[..., 2] - problem.depth
    deep -= (deep @ (problem.weights * problem.anchored))[:, None]
    return turned, np.concatenate([flat, deep[..., None]], -1)


def normal_equations(problem: Problem, state: State, settings: FitSettings, with_identity: bool) -> tuple[Array, ...]:
    """Blocks (T, n, n) and right sides (T, n) of the frames' unknowns; with identity also its coupling (T, n, K),
    its own (K, K) and (K,). Sums are taken in single precision, in chunks of frames."""
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
    return (
        np.ascontiguousarray(whole[:, :n, :n]),
        right[:, :n],
        whole[:, :n, n:],
        whole[:, n:, n:].sum(0),
        right[:, n:].sum(0),
    )


def _trust(problem: Problem, state: State, gap: Array, settings: FitSettings) -> Array:
    """Weight of each residual (T, L, 3): trusted landmarks, seen from the front, not far out (Cauchy); z weakly."""
    facing = problem.outward @ state.turn[:, 2].T  # (L, T)
    seen = np.clip((facing.T + 0.1) / 0.5, 0.1, 1)
    far = 1 / (1 + (gap[..., :2] ** 2).sum(-1) / settings.outlier**2)
    weight = problem.weights * seen * far * problem.present[:, None] * settings.evidence / settings.noise**2
    return np.stack([weight, weight, weight * problem.anchored * settings.depth_trust**2], -1)


def _jacobian(problem: Problem, state: State, turned: Array, directions: Array) -> Array:
    """Derivatives (T, 3, L, n) float32 of residuals by turn, log scale, shift and linear `directions` (3, L, n')."""
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
    """Root mean square distance (T,) from the centre, of points (T, L, C) seen in the picture's plane."""
    flat = points[..., :2]
    spread: Array = np.sqrt(((flat - flat.mean(1, keepdims=True)) ** 2).sum(-1).mean(1))
    return spread
