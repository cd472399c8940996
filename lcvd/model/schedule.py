"""Noise levels and solvers: SVD's Euler method, and a multistep solver that needs fewer steps (spec D)."""

from typing import Any, Literal, TypeAlias

from lcvd.config.train import SVD_SIGMAS
from lcvd.model.hf_classes import EDMDPMSolverMultistepScheduler, EulerDiscreteScheduler

Solver = Literal["euler", "dpmpp"]
Scheduler: TypeAlias = Any
"""A scheduler of diffusers, which has no types for mypy."""


def euler_scheduler(sigmas: tuple[float, float] = SVD_SIGMAS) -> EulerDiscreteScheduler:
    """diffusers' Euler scheduler with the configuration of Stable Video Diffusion, and Karras noise levels between `sigmas`."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_min=sigmas[0],
        sigma_max=sigmas[1],
        timestep_spacing="leading",
        timestep_type="continuous",
        steps_offset=1,
        use_karras_sigmas=True,
    )


def solver_of(solver: Solver, like: Scheduler) -> Scheduler:
    """A new scheduler for `solver` with the noise levels of `like`, which isn't changed.

    ``dpmpp`` is DPM-Solver++(2M) in sigma space. With sigma_data 1 its preconditioning equals SVD's.
    """
    if solver == "euler":
        return EulerDiscreteScheduler.from_config(like.config)
    return EDMDPMSolverMultistepScheduler(
        sigma_min=like.config["sigma_min"],
        sigma_max=like.config["sigma_max"],
        sigma_data=1.0,
        prediction_type="v_prediction",
        solver_order=2,
    )
