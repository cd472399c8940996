"""The banded solver of the fit against a dense one."""

import numpy as np

from lcvd.face.problem import MOTION, State
from lcvd.face.solve import _bounded, _solve_chain


def test_the_banded_solver_solves_the_whole_system():
    count, n = 5, 4
    half = np.random.default_rng(3).normal(size=(count, n, n))
    blocks = half @ half.swapaxes(1, 2) + 4 * np.eye(n)
    links = -np.random.default_rng(4).uniform(0, 1, (count - 1, n))
    sides = np.random.default_rng(5).normal(size=(count, n))
    whole = np.zeros((count * n, count * n))
    for t in range(count):
        whole[t * n : (t + 1) * n, t * n : (t + 1) * n] = blocks[t]
    for t in range(count - 1):
        for i in range(n):
            whole[t * n + i, (t + 1) * n + i] = whole[(t + 1) * n + i, t * n + i] = links[t, i]
    wanted = np.linalg.solve(whole, sides.ravel()).reshape(count, n)
    assert np.allclose(_solve_chain(blocks, sides, links), wanted, atol=1e-10)


def test_bounded_steps_stay_within_bounds_and_agree_with_nnls():
    from scipy.optimize import nnls

    n = MOTION + 6
    design = np.random.default_rng(6).normal(size=(30, n))
    data = np.random.default_rng(7).normal(size=30)
    design[:, :MOTION] *= 1e-9  # leave expressions alone in the comparison
    block, side = (design.T @ design + 1e-9 * np.eye(n))[None], (design.T @ data)[None]
    state = State(np.zeros(1), np.eye(3)[None], np.ones(1), np.zeros((1, 2)), np.zeros((1, 6)))

    def solve_with(loose, fixed):
        inner = block[0][np.ix_(loose[0], loose[0])]
        step = fixed.copy()
        step[0, loose[0]] = np.linalg.solve(inner, (side - fixed @ block[0])[0, loose[0]])
        return step

    for _ in range(8):
        gradient = side - np.concatenate([np.zeros((1, MOTION)), state.expression], 1) @ block[0]
        kept, side = side, gradient
        step = _bounded(state, gradient, solve_with)
        side = kept
        state = state.moved(np.where(np.arange(n) < MOTION, 0, step))
    wanted = np.minimum(nnls(design[:, MOTION:], data)[0], 1)
    assert state.expression.min() >= 0
    assert np.allclose(state.expression[0], wanted, atol=0.02)
