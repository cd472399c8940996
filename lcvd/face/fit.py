"""Fit the open head to a clip's landmarks: one identity, and expression, pose and camera of every frame.

Gauss-Newton on all unknowns at once. A frame has 6 motion unknowns (turn, log scale, shift) and one for each expression
that landmarks can tell. First identity is found over a few frames with everything else free (Schur complement), then all
frames are solved together with identity held: the temporal prior couples neighbours only, so the system is banded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from lcvd.config.settings import FitSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.head import Head, project, rotations
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError

Array = NDArray[Any]
MOTION = 6
EYE_CORNERS = (33, 263)
UNSEEN = ("tongueOut", "eyeLook")
"""Expressions that landmarks of the skin can't tell: they stay 0."""
_CHUNK = 64


@dataclass(frozen=True)
class Problem:
    """Landmarks of T frames in NDC of the square, y up, divided by `unit` so that a head has a size of about 1.

    target (T, L, 2), depth (T, L) towards the camera, present (T,) bool; rows without a face are zero. The head's landmarks
    at rest (L, 3), their normals (L, 3), identity (K, L, 3) and the E' free expressions (E', L, 3), `free` their numbers.
    """

    target: Array
    depth: Array
    present: Array
    unit: float
    rest: Array
    normals: Array
    identity: Array
    expression: Array
    free: Array
    weights: Array

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


def fit_track(track: FaceTrack, square: Array, head: Head, settings: FitSettings) -> FaceCodes:
    """Codes of a clip without light (zeros), in NDC of `square` (x0, y0, side).

    Frames without a face are interpolated and get confidence 0. The others' confidence falls with the landmarks' distance
    from the fitted head: 1 / (1 + (rms / `settings.doubt`)^2).

    Raises:
        ClipError: no frame has a face (`no_face`).
    """
    if not track.present.any():
        raise ClipError("no_face", "no frame has a face to fit the head to; the filter should have dropped this clip")
    problem = problem_of(head, track, np.asarray(square))
    return _codes(head, problem, solve(problem, settings), np.asarray(square), settings)


def landmark_error(codes: FaceCodes, track: FaceTrack, head: Head, only: Array | None = None) -> Array:
    """Mean distance (T',) of the fitted head's landmarks from the track's, as a share of the distance between the outer
    eye corners, in the T' frames with a face. `only` picks some of the head's landmarks."""
    pick = np.arange(len(head.landmark_indices)) if only is None else only
    seen = codes.window(np.flatnonzero(track.present))
    points = track.landmarks[track.present][..., :2]
    place = project(head.landmarks(head.vertices(codes.identity, seen.expression, seen.pose)), seen.camera)[..., :2]
    gap = (place + 1) * codes.square[2] / 2 + codes.square[:2] - points[:, head.landmark_indices]
    # The eyes' distance in space, so that a turned head isn't judged more severely.
    eyes = np.flatnonzero(np.isin(head.landmark_indices, EYE_CORNERS))
    shape = head.landmarks(head.shape(codes.identity, seen.expression[:1]))[0, eyes]
    unit = np.linalg.norm(shape[1] - shape[0]) * seen.camera[:, 0] * codes.square[2] / 2
    error: Array = np.linalg.norm(gap[:, pick], axis=-1).mean(1) / unit
    return error


def solve(problem: Problem, settings: FitSettings) -> State:
    """Identity over a few frames, then everything else over all of them."""
    few = np.flatnonzero(problem.present)
    few = few[np.linspace(0, len(few) - 1, min(settings.identity_frames, len(few))).round().astype(int)]
    part = problem.frames(few)
    state = starting_state(part)
    for turn in range(settings.identity_steps):
        state = _identity_step(part, state, settings, learn=turn > 1)
    state = replace(starting_state(problem), identity=state.identity)
    for _ in range(settings.frame_steps):
        state = _frames_step(problem, state, settings)
    return state


def problem_of(head: Head, track: FaceTrack, square: Array, only: Array | None = None) -> Problem:
    """The least-squares problem of a track; `only` picks some of the head's landmarks (for held-out tests)."""
    pick = np.arange(len(head.landmark_indices)) if only is None else only
    corners, weights = head.landmark_corners[pick], head.landmark_weights[pick].astype(np.float64)

    def at_landmarks(field: Array) -> Array:
        return np.einsum("lk,...lkc->...lc", weights, field[..., corners, :])

    free = np.array([i for i, name in enumerate(head.expression_names) if not name.startswith(UNSEEN)])
    points = track.landmarks[:, head.landmark_indices[pick]].astype(np.float64)
    ndc = np.stack([points[..., 0] - square[0], points[..., 1] - square[1], points[..., 2]], -1) * 2 / square[2]
    ndc = (ndc - [1, 1, 0]) * [1, -1, -1] * track.present[:, None, None]
    rest = at_landmarks(head.template)
    unit = float(np.median(_spread(ndc[track.present])) / _spread(rest[None])[0])
    triangles = head.template[head.faces[head.face_parts == 0]].astype(np.float64)
    normals = np.zeros_like(head.template, dtype=np.float64)
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    np.add.at(normals, head.faces[head.face_parts == 0], cross[:, None])
    normal = at_landmarks(normals)
    trust = head.landmark_trust[pick].astype(np.float64)
    return Problem(
        target=ndc[..., :2] / unit,
        depth=ndc[..., 2] / unit,
        present=track.present,
        unit=unit,
        rest=rest,
        normals=normal / np.linalg.norm(normal, axis=1, keepdims=True),
        identity=at_landmarks(head.identity_basis),
        expression=at_landmarks(head.expression_basis[free]),
        free=free,
        weights=trust / trust.sum(),
    )


def starting_state(problem: Problem) -> State:
    """The mean head, laid on each frame's three-dimensional landmarks by the best similarity (Procrustes)."""
    count = len(problem.present)
    seen = np.concatenate([problem.target, problem.depth[..., None]], -1)
    seen[~problem.present] = problem.rest
    there = np.einsum("l,tlc->tc", problem.weights, seen)
    here = problem.weights @ problem.rest
    cov = np.einsum("l,tla,lb->tab", problem.weights, seen - there[:, None], problem.rest - here)
    u, values, v = np.linalg.svd(cov)
    signs = np.ones((count, 3))
    signs[:, 2] = np.sign(np.linalg.det(u @ v))
    turn = (u * signs[:, None]) @ v
    scale = (values * signs).sum(1) / (problem.weights @ ((problem.rest - here) ** 2).sum(1))
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
    flat = scaled[..., :2] + state.shift[:, None] - problem.target
    deep = scaled[..., 2] - problem.depth
    return turned, np.concatenate([flat, (deep - (deep @ problem.weights)[:, None])[..., None]], -1)


def _identity_step(problem: Problem, state: State, settings: FitSettings, learn: bool) -> State:
    """One Gauss-Newton step over identity and all unknowns of a few frames, each frame on its own."""
    size, count = len(problem.identity), len(problem.present)
    blocks, sides, cross, known, wanted = _normal_equations(problem, state, settings, with_identity=True)
    blocks, sides = _with_priors(problem, state, settings, blocks, sides)
    frozen = _frozen(state, sides)
    blocks, sides, cross = _freeze(blocks, sides, frozen, cross)
    # Frames of a clip repeat each other, so identity's evidence is their mean, worth `identity_evidence` frames.
    share = settings.identity_evidence / count
    known = share * known + np.eye(size)
    wanted = share * wanted - state.identity
    solved = np.linalg.solve(blocks, np.concatenate([cross, sides[..., None]], -1))
    if not learn:
        return state.moved(solved[..., -1])
    schur = known - share * np.einsum("tnk,tnj->kj", cross, solved[..., :-1])
    side = wanted - share * np.einsum("tnk,tn->k", cross, solved[..., -1])
    step = np.linalg.solve(schur, side)
    moved = state.moved(solved[..., -1] - solved[..., :-1] @ step)
    return replace(moved, identity=state.identity + step)


def _frames_step(problem: Problem, state: State, settings: FitSettings) -> State:
    """One Gauss-Newton step of all frames' unknowns together, identity held; the temporal prior joins neighbours."""
    blocks, sides, *_ = _normal_equations(problem, state, settings, with_identity=False)
    blocks, sides = _with_priors(problem, state, settings, blocks, sides)
    stiff = _stiffness(problem, settings)
    ahead = _differences(state)  # (T - 1, n): from each frame to the next
    sides[:-1] += stiff * ahead
    sides[1:] -= stiff * ahead
    times = np.full(len(blocks), 2.0)
    times[[0, -1]] -= 1
    index = np.arange(blocks.shape[1])
    blocks[:, index, index] += times[:, None] * stiff if len(blocks) > 1 else 0
    frozen = _frozen(state, sides)
    blocks, sides, _ = _freeze(blocks, sides, frozen, None)
    loose = ~(frozen[1:] | frozen[:-1])
    return state.moved(_solve_chain(blocks, sides, -stiff * loose))


def _normal_equations(problem: Problem, state: State, settings: FitSettings, with_identity: bool) -> tuple[Array, ...]:
    """Blocks (T, n, n) and right sides (T, n) of the frames' unknowns; with identity also its coupling (T, n, K),
    its own (K, K) and (K,)."""
    parts = []
    for start in range(0, len(problem.present), _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, len(problem.present)))
        here = problem.frames(chunk)
        now = State(state.identity, *(getattr(state, name)[chunk] for name in ("turn", "scale", "shift", "expression")))
        turned, gap = residuals(here, now)
        root = np.sqrt(_trust(here, now, gap, settings))
        jacobian = _jacobian(here, now, turned, with_identity)
        rows = (root * gap).reshape(len(chunk), -1)
        jacobian = (root[..., None] * jacobian).reshape(len(chunk), rows.shape[1], -1)
        parts.append((jacobian.swapaxes(1, 2) @ jacobian, -(jacobian.swapaxes(1, 2) @ rows[..., None])[..., 0]))
    whole = np.concatenate([part[0] for part in parts])
    right = np.concatenate([part[1] for part in parts])
    n = MOTION + len(problem.free)
    return whole[:, :n, :n], right[:, :n], whole[:, :n, n:], whole[:, n:, n:].sum(0), right[:, n:].sum(0)


def _trust(problem: Problem, state: State, gap: Array, settings: FitSettings) -> Array:
    """Weight of each residual (T, L, 3): trusted landmarks, seen from the front, not far out (Cauchy); z weakly."""
    facing = problem.normals @ state.turn[:, 2].T  # (L, T): z of the turned normal
    seen = np.clip((facing.T + 0.1) / 0.5, 0.1, 1)
    far = 1 / (1 + (gap[..., :2] ** 2).sum(-1) / settings.outlier**2)
    weight = problem.weights * seen * far * problem.present[:, None] * settings.evidence / settings.noise**2
    return weight[..., None] * np.array([1, 1, settings.depth_trust**2])


def _jacobian(problem: Problem, state: State, turned: Array, with_identity: bool) -> Array:
    """Derivatives (T, L, 3, n [+ K]) of the residuals by turn, log scale, shift, expression [, identity]."""
    count, marks, _ = turned.shape
    scale = state.scale[:, None, None]
    scaled = scale * turned
    basis = [problem.expression] + ([problem.identity] if with_identity else [])
    directions = np.concatenate(basis)  # (n', L, 3)
    jacobian = np.empty((count, marks, 3, MOTION + len(directions)))
    x, y, z = np.moveaxis(scaled, -1, 0)
    nil = np.zeros_like(x)
    jacobian[..., :3] = np.stack([np.stack(row, -1) for row in ((nil, z, -y), (-z, nil, x), (y, -x, nil))], -2)
    jacobian[..., 3] = scaled
    jacobian[..., 4:6] = np.eye(3)[:, :2]
    flat = directions.transpose(1, 2, 0).reshape(marks, 3, -1)
    jacobian[..., MOTION:] = np.einsum("tab,lbn->tlan", scale * state.turn, flat, optimize=True)
    jacobian[..., 2, :] -= np.einsum("l,tln->tn", problem.weights, jacobian[..., 2, :])[:, None]
    return jacobian


def _with_priors(
    problem: Problem, state: State, settings: FitSettings, blocks: Array, sides: Array
) -> tuple[Array, Array]:
    """Add the prior of expressions, a bounded normal around 0 and a cost for each that is used, and a little damping."""
    blocks, sides = blocks.copy(), sides.copy()
    index = np.arange(blocks.shape[1])
    present = problem.present[:, None]
    blocks[:, index, index] += 1e-6
    blocks[:, index[MOTION:], index[MOTION:]] += present / settings.expression_spread**2
    sides[:, MOTION:] -= present * (state.expression / settings.expression_spread**2 + settings.sparsity)
    return blocks, sides


def _frozen(state: State, sides: Array) -> Array:
    """Unknowns (T, n) that stay: expressions at a bound that the right side pushes outwards."""
    out = np.zeros(sides.shape, bool)
    push = sides[:, MOTION:]
    out[:, MOTION:] = ((state.expression <= 0) & (push <= 0)) | ((state.expression >= 1) & (push >= 0))
    return out


def _freeze(blocks: Array, sides: Array, frozen: Array, cross: Array | None) -> tuple[Array, Array, Array]:
    loose = ~frozen
    blocks = blocks * (loose[:, :, None] & loose[:, None, :])
    index = np.arange(blocks.shape[1])
    blocks[:, index, index] += frozen
    return blocks, sides * loose, np.zeros(0) if cross is None else cross * loose[..., None]


def _stiffness(problem: Problem, settings: FitSettings) -> Array:
    """Weight (n,) of the squared change between frames."""
    still = np.concatenate(
        [np.full(3, settings.turn_change), [settings.scale_change], np.full(2, settings.shift_change),
         np.full(len(problem.free), settings.expression_change)]
    )
    stiff: Array = 1 / still**2
    return stiff


def _differences(state: State) -> Array:
    """What leads from each frame to the next, (T - 1, n)."""
    turn = Rotation.from_matrix(state.turn[1:] @ state.turn[:-1].swapaxes(1, 2)).as_rotvec()
    scale = np.diff(np.log(state.scale))[:, None]
    return np.concatenate([turn, scale, np.diff(state.shift, axis=0), np.diff(state.expression, axis=0)], 1)


def _solve_chain(blocks: Array, sides: Array, links: Array) -> Array:
    """Solve the system of diagonal `blocks` (T, n, n) and diagonal couplings `links` (T - 1, n) between neighbours."""
    count, n, _ = blocks.shape
    band = np.zeros((n + 1, count * n))
    flat = band.reshape(n + 1, count, n)
    for offset in range(n):  # lower diagonals within each block
        flat[offset, :, : n - offset] = np.diagonal(blocks, -offset, 1, 2)
    flat[n, :-1] = links
    solved: Array = solveh_banded(band, sides.ravel(), lower=True, check_finite=False)
    return solved.reshape(count, n)


def _codes(head: Head, problem: Problem, state: State, square: Array, settings: FitSettings) -> FaceCodes:
    _, gap = residuals(problem, state)
    rms = np.sqrt((gap[..., :2] ** 2).sum(-1) @ problem.weights)
    expression = np.zeros((len(rms), len(head.expression_names)), np.float32)
    expression[:, problem.free] = state.expression
    scale = state.scale * problem.unit
    camera = np.column_stack([scale, problem.unit * state.shift / scale[:, None]])
    return FaceCodes(
        head=head.name,
        identity=state.identity.astype(np.float32),
        expression=expression,
        pose=Rotation.from_matrix(state.turn).as_rotvec().astype(np.float32),
        camera=camera.astype(np.float32),
        light=np.zeros((len(rms), 9, 3), np.float32),
        square=square.astype(np.int32),
        confidence=(problem.present / (1 + (rms / settings.doubt) ** 2)).astype(np.float32),
    )


def _spread(points: Array) -> Array:
    """Root mean square distance (T,) from the centre, of points (T, L, C) seen in the picture's plane."""
    flat = points[..., :2]
    spread: Array = np.sqrt(((flat - flat.mean(1, keepdims=True)) ** 2).sum(-1).mean(1))
    return spread
