"""Derivatives and the banded solver of the fit, against finite differences and a dense solve."""

from dataclasses import replace

import numpy as np

from lcvd.config.reconstruct import FitSettings
from lcvd.face.head import load_head, rotations
from lcvd.face.problem import MOTION, Problem, State, _jacobian, problem_of, residuals, starting_state
from lcvd.face.solve import _bounded, _solve_chain
from lcvd.face.track import FaceTrack

RNG = np.random.default_rng


def _problem(frames=3):
    head = load_head()
    points = np.zeros((frames, 478, 3), np.float32)
    turned = head.landmarks(head.vertices(np.zeros(80), np.zeros((frames, 52)), 0.2 * RNG(0).normal(size=(frames, 3))))
    points[:, :468] = turned * [200, -200, -200] + [250, 250, 0]
    present = np.ones(frames, bool)
    track = FaceTrack(points, np.zeros((frames, 4), np.float32), present, present.astype(np.int32))
    return problem_of(head, track, np.array([0, 0, 500]), FitSettings())


def _state(problem: Problem) -> State:
    draw, frames = RNG(1), len(problem.present)
    return State(
        0.5 * draw.normal(size=len(problem.identity)),
        rotations(0.3 * draw.normal(size=(frames, 3))),
        1 + 0.1 * draw.normal(size=frames),
        0.1 * draw.normal(size=(frames, 2)),
        draw.uniform(0.2, 0.8, (frames, len(problem.free))),
    )


def test_derivatives_agree_with_finite_differences():
    problem = _problem()
    state = _state(problem)
    directions = np.concatenate([problem.expression, problem.identity]).transpose(2, 1, 0).astype(np.float32)
    turned, _ = residuals(problem, state)
    exact = _jacobian(problem, state, turned, directions)
    size = MOTION + len(problem.free)
    step = 1e-5
    for unknown in (*range(MOTION), MOTION, MOTION + 20, size - 1):
        push = np.zeros((len(problem.present), size))
        push[:, unknown] = step
        ahead, behind = (residuals(problem, state.moved(sign * push))[1] for sign in (1, -1))
        numeric = ((ahead - behind) / (2 * step)).transpose(0, 2, 1)
        assert np.allclose(exact[..., unknown], numeric, atol=1e-5)
    for unknown in (0, 79):
        push = np.eye(80)[unknown] * step
        ahead, behind = (residuals(problem, replace(state, identity=state.identity + s * push))[1] for s in (1, -1))
        numeric = ((ahead - behind) / (2 * step)).transpose(0, 2, 1)
        assert np.allclose(exact[..., size + unknown], numeric, atol=1e-5)


def test_the_start_is_already_on_a_mean_head():
    problem = _problem()
    _, gap = residuals(problem, starting_state(problem))
    assert np.abs(gap).max() < 1e-5


def test_the_banded_solver_solves_the_whole_system():
    count, n = 5, 4
    half = RNG(3).normal(size=(count, n, n))
    blocks = half @ half.swapaxes(1, 2) + 4 * np.eye(n)
    links = -RNG(4).uniform(0, 1, (count - 1, n))
    sides = RNG(5).normal(size=(count, n))
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
    design = RNG(6).normal(size=(30, n))
    data = RNG(7).normal(size=30)
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
