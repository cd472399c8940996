"""Derivatives of the fit against finite differences."""

from dataclasses import replace

import numpy as np

from lcvd.config.reconstruct import FitSettings
from lcvd.face.head import load_head, rotations
from lcvd.face.problem import MOTION, Problem, State, _jacobian, problem_of, residuals, starting_state
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
