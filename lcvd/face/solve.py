"""Gauss-Newton steps of the landmark fit.

First, identity is estimated from a few frames, jointly with all of their unknowns (Schur complement). Then all frames are
solved jointly with identity fixed. The temporal prior couples only consecutive frames, so the system is banded.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from lcvd.config.reconstruct import FitSettings
from lcvd.face.problem import MOTION, Array, Problem, State, normal_equations, starting_state

_HOLDS = 4


def solve(problem: Problem, settings: FitSettings, identity: Array | None = None) -> State:
    """Estimate identity from a few frames unless `identity` (K,) is given, then all other unknowns of all frames."""
    if identity is None:
        identity = _identity(problem, settings)
    state = replace(starting_state(problem), identity=identity)
    for _ in range(settings.frame_steps):
        state = _frames_step(problem, state, settings)
    return state


def _identity(problem: Problem, settings: FitSettings) -> Array:
    few = np.flatnonzero(problem.present)
    few = few[np.linspace(0, len(few) - 1, min(settings.identity_frames, len(few))).round().astype(int)]
    part = problem.frames(few)
    state = starting_state(part)
    for turn in range(settings.identity_steps):
        state = _identity_step(part, state, settings, learn=turn > 1)
    return state.identity


def _identity_step(problem: Problem, state: State, settings: FitSettings, learn: bool) -> State:
    """Take one Gauss-Newton step over identity and all unknowns of a few frames, without temporal prior."""
    size, count = len(problem.identity), len(problem.present)
    blocks, sides, cross, known, wanted = normal_equations(problem, state, settings, with_identity=True)
    _add_priors(problem, state, settings, blocks, sides)
    # Frames of a clip are correlated, so their evidence for identity is averaged and weighted as `identity_evidence` frames.
    share = settings.identity_evidence / count
    known = share * known + np.eye(size)
    wanted = share * wanted - state.identity
    moved = np.zeros(size)

    def solve_frames(loose: Array, fixed: Array) -> Array:
        nonlocal moved
        inner, side = _held(blocks, sides, loose, fixed)
        link = cross * loose[..., None]
        if not learn:
            return np.linalg.solve(inner, side[..., None])[..., 0]
        solved = np.linalg.solve(inner, np.concatenate([link, side[..., None]], -1))
        rest = np.where(loose, 0, fixed)
        schur = known - share * np.einsum("tnk,tnj->kj", link, solved[..., :-1])
        right = wanted - share * np.einsum("tnk,tn->k", link, solved[..., -1])
        right = right - share * np.einsum("tnk,tn->k", cross, rest)
        moved = np.linalg.solve(schur, right)
        step: Array = solved[..., -1] - solved[..., :-1] @ moved
        return step

    step = _bounded(state, sides, solve_frames)
    return replace(state.moved(step), identity=state.identity + moved)


def _frames_step(problem: Problem, state: State, settings: FitSettings) -> State:
    """Take one Gauss-Newton step over all frames' unknowns with identity fixed, coupled by the temporal prior."""
    blocks, sides, *_ = normal_equations(problem, state, settings, with_identity=False)
    _add_priors(problem, state, settings, blocks, sides)
    stiff = _stiffness(problem, settings)
    ahead = _differences(state)  # (T - 1, n), from each frame to the next
    sides[:-1] += stiff * ahead
    sides[1:] -= stiff * ahead
    neighbours = (np.arange(len(blocks)) > 0).astype(float) + (np.arange(len(blocks)) < len(blocks) - 1)
    index = np.arange(blocks.shape[1])
    blocks[:, index, index] += neighbours[:, None] * stiff

    def solve_chain(loose: Array, fixed: Array) -> Array:
        inner, side = _held(blocks, sides, loose, fixed)
        held = stiff * np.where(loose, 0, fixed)
        side[:-1] += loose[:-1] * held[1:]
        side[1:] += loose[1:] * held[:-1]
        return _solve_chain(inner, side, -stiff * (loose[1:] & loose[:-1]))

    return state.moved(_bounded(state, sides, solve_chain))


def _bounded(state: State, sides: Array, solve_with: Callable[[Array, Array], Array]) -> Array:
    """Return a step (T, n) that keeps expressions within [0, 1] (active-set method).

    Expressions that a step would move beyond a bound are fixed at the bound and the others are solved again. Expressions
    at a bound stay fixed while the gradient points outwards. `solve_with` takes the mask of free unknowns, and the step of
    the fixed ones.
    """
    low = np.full(sides.shape, -np.inf)
    high = np.full(sides.shape, np.inf)
    low[:, MOTION:], high[:, MOTION:] = -state.expression, 1 - state.expression
    loose = ~(((low >= 0) & (sides <= 0)) | ((high <= 0) & (sides >= 0)))
    fixed = np.zeros(sides.shape)
    step = solve_with(loose, fixed)
    for _ in range(_HOLDS):
        over = loose & ((step < low) | (step > high))
        if not over.any():
            break
        fixed[over] = np.clip(step, low, high)[over]
        loose = loose & ~over
        step = solve_with(loose, fixed)
    return step


def _held(blocks: Array, sides: Array, loose: Array, fixed: Array) -> tuple[Array, Array]:
    """Return the system (T, n, n), (T, n) in which unknowns that aren't free (`loose`) have the step `fixed`."""
    inner = blocks * (loose[:, :, None] & loose[:, None, :])
    index = np.arange(blocks.shape[1])
    inner[:, index, index] += ~loose
    given = np.where(loose, 0, fixed)
    return inner, np.where(loose, sides - (blocks @ given[..., None])[..., 0], given)


def _add_priors(problem: Problem, state: State, settings: FitSettings, blocks: Array, sides: Array) -> None:
    """Add the expression prior (a Gaussian around 0 and an L1 penalty) and a small damping."""
    index = np.arange(blocks.shape[1])
    present = problem.present[:, None]
    blocks[:, index, index] += 1e-6
    blocks[:, index[MOTION:], index[MOTION:]] += present / settings.expression_spread**2
    sides[:, MOTION:] -= present * (state.expression / settings.expression_spread**2 + settings.sparsity)


def _stiffness(problem: Problem, settings: FitSettings) -> Array:
    """Return the weights (n,) of the squared changes between consecutive frames."""
    changes = [settings.turn_change, settings.scale_change, settings.shift_change, settings.expression_change]
    stiff: Array = 1 / np.repeat(changes, [3, 1, 2, len(problem.free)]) ** 2
    return stiff


def _differences(state: State) -> Array:
    """Return the change of the unknowns from each frame to the next, (T - 1, n)."""
    turn = Rotation.from_matrix(state.turn[1:] @ state.turn[:-1].swapaxes(1, 2)).as_rotvec()
    scale = np.diff(np.log(state.scale))[:, None]
    return np.concatenate([turn, scale, np.diff(state.shift, axis=0), np.diff(state.expression, axis=0)], 1)


def _solve_chain(blocks: Array, sides: Array, links: Array) -> Array:
    """Solve a block-tridiagonal system: diagonal `blocks` (T, n, n), and diagonal couplings `links` (T - 1, n)."""
    count, n, _ = blocks.shape
    band = np.zeros((count, n, n + 1))  # transposed to LAPACK's memory order, so that it is solved in place
    for offset in range(n):  # lower diagonals within each block
        band[:, : n - offset, offset] = np.diagonal(blocks, -offset, 1, 2)
    band[:-1, :, n] = links
    solved: Array = solveh_banded(
        band.reshape(-1, n + 1).T, sides.ravel(), overwrite_ab=True, overwrite_b=True, lower=True, check_finite=False
    )
    return solved.reshape(count, n)
