"""Sampling: denoising steps over windows, with guidance between sets of conditions (spec D).

Shape suffixes: N frames, T frames of a window, R rows, C latent channels, h w latent sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lcvd.model.recipe import Recipe
from lcvd.model.sampling_state import Kept, State
from lcvd.model.schedule import Scheduler, solver_of
from lcvd.model.windows import blend_weights, tiled_noise, windows_at

WEAKER, FULL, UNLIKE = range(3)
"""The sets of conditions: those of y1, those of y2, and y2's without the reference (y3)."""


@dataclass(frozen=True)
class Rows:
    """What the network is asked for at once: each row is one window under one of the sets of conditions."""

    frames_RT: Tensor
    """Frame indices of each row's window."""
    set_R: Tensor
    """`WEAKER`, `FULL` or `UNLIKE`."""


class Network(Protocol):
    """The network under each set of conditions."""

    def __call__(self, scaled_RTChw: Tensor, timestep: Tensor, rows: Rows) -> Tensor:
        """Raw v-predictions (R,T,C,h,w) of scaled noisy latents."""


@dataclass(frozen=True)
class Step:
    """One denoising step over the whole video."""

    number: int
    timestep: Tensor
    windows_WT: Tensor
    sets: tuple[int, ...]
    """The sets of conditions that count, and are computed."""

    @property
    def rows(self) -> Rows:
        """All rows: for each window its sets."""
        sets = torch.tensor(self.sets)
        return Rows(self.windows_WT.repeat_interleave(len(sets), 0), sets.repeat(len(self.windows_WT)))


def plan(
    recipe: Recipe, scheduler: Scheduler, frames: int, length: int, overlap: int, sets: Sequence[int]
) -> list[Step]:
    """The steps of a video of `frames` >= `length` frames; `scheduler` has its timesteps set, `sets` are those that count
    somewhere."""
    steps = []
    for number, (timestep, sigma) in enumerate(zip(scheduler.timesteps, scheduler.sigmas.tolist(), strict=False)):
        between = {WEAKER: recipe.interval, FULL: None, UNLIKE: recipe.likeness}
        counting = [which for which in sets if _within(sigma, between[which])]
        wins = windows_at(recipe.windows, frames, length, recipe.overlap or overlap, number)
        steps.append(Step(number, timestep, wins, tuple(counting)))
    return steps


def _within(sigma: float, interval: tuple[float, float] | None) -> bool:
    return interval is None or interval[0] <= sigma <= interval[1]


def sample(
    network: Network,
    noise_TChw: Tensor,
    frames: int,
    *,
    scheduler: Scheduler,
    recipe: Recipe,
    guidance: float | Tensor,
    likeness: float = 1.0,
    overlap: int = 6,
    rows: int = 2,
    progress: Callable[[int, int], None] | None = None,
    on_step: Callable[[int, Tensor, Tensor], Tensor | None] | None = None,
    kept: Kept | None = None,
) -> Tensor:
    """Latents (frames,C,h,w) of a video of any length, where `noise_TChw` is (the network moves rows as it likes).

    At each step every window's predictions y1, y2 and y3 are averaged over windows, each under a tent of weights, then
    combined as ``y1 + guidance * (y2 - y1) + (likeness - 1) * (y2 - y3)``; what counts nothing isn't computed.
    Deterministic given `noise_TChw`, the normal noise of one window, which is tiled over the video. Fewer frames than a
    window are padded (the noise repeats; `network` sees the padded indices clipped to the last frame) and cut off again.

    Args:
        scheduler: gives the noise levels; `recipe` says by which solver.
        guidance: one weight, or (frames,), one a frame. likeness: one weight, within the recipe's noise levels for it.
        overlap: frames shared by neighbouring windows where the recipe doesn't say.
        rows: rows given to the network at once. It changes no result beyond rounding.
        progress: called with (rows computed, rows in all).
        on_step: called with (step, timestep, latents of the frames) after each; latents that it returns replace them.
        kept: where this run keeps what it has done, and goes on if there is some; a step that was done isn't shown to
            `on_step` again.
    """
    length = len(noise_TChw)
    padded = max(frames, length)
    solver = solver_of(recipe.solver, scheduler)
    solver.set_timesteps(recipe.steps)
    latents = tiled_noise(noise_TChw, padded) * solver.init_noise_sigma
    strength = _per_frame(guidance, frames, padded).to(latents)
    sets = [WEAKER] * bool((strength != 1).any()) + [FULL] + [UNLIKE] * (likeness != 1)
    steps = plan(recipe, solver, padded, length, overlap, sets)
    done, total = 0, sum(len(step.rows.set_R) for step in steps)
    start = 0
    if kept and (state := kept.state()):
        start, latents = state.done, state.after
        _wind_forward(solver, steps[start - 1], state)
        done = sum(len(step.rows.set_R) for step in steps[:start])
    for step in steps[start:]:
        scaled = solver.scale_model_input(latents, step.timestep)
        blend = _Blend(latents, step)
        for number, part in enumerate(_split(step.rows, rows)):
            outputs = kept.rows(step.number, number, len(part.set_R)) if kept else None
            if outputs is None:
                outputs = network(
                    scaled[part.frames_RT], step.timestep, Rows(part.frames_RT.clamp(max=frames - 1), part.set_R)
                )
                if kept:
                    kept.keep_rows(step.number, number, outputs)
            blend.add(part, outputs)
            done += len(part.set_R)
            if progress:
                progress(done, total)
        before, prediction = latents, blend.guided(strength, likeness)
        latents = solver.step(prediction, step.timestep, before, return_dict=False)[0]
        if on_step and (changed := on_step(step.number, step.timestep, latents[:frames])) is not None:
            latents = torch.cat([changed.to(latents), latents[frames:]])
        if kept:
            kept.step_done(State(step.number + 1, before, prediction, latents))
    return latents[:frames]


class _Blend:
    """Averages of the windows' predictions, for each set of conditions."""

    def __init__(self, latents: Tensor, step: Step) -> None:
        self._weights = blend_weights(step.windows_WT.shape[1]).to(latents)[:, None, None, None]
        self._sums = {which: torch.zeros_like(latents) for which in step.sets}
        self._total = torch.zeros(len(latents), 1, 1, 1, device=latents.device, dtype=latents.dtype)
        for window in step.windows_WT:
            self._total[window] += self._weights

    def add(self, rows: Rows, outputs_RTChw: Tensor) -> None:
        """Take the network's outputs of some rows."""
        outputs = outputs_RTChw.to(self._total)
        for window, which, output in zip(rows.frames_RT, rows.set_R.tolist(), outputs, strict=True):
            self._sums[which][window] += self._weights * output

    def guided(self, strength: Tensor, likeness: float) -> Tensor:
        """The prediction that the solver follows."""
        mean = {which: total / self._total for which, total in self._sums.items()}
        y2 = followed = mean[FULL]
        if WEAKER in mean:
            followed = mean[WEAKER] + strength * (y2 - mean[WEAKER])
        if UNLIKE in mean:
            followed = followed + (likeness - 1) * (y2 - mean[UNLIKE])
        return followed


def _wind_forward(solver: Scheduler, last: Step, state: State) -> None:
    """Bring a new solver to where it was after the step `last`; what that step gives at lower order isn't used."""
    solver.set_begin_index(last.number)
    solver.scale_model_input(state.before, last.timestep)
    solver.step(state.prediction, last.timestep, state.before)


def _split(rows: Rows, most: int) -> list[Rows]:
    parts = zip(rows.frames_RT.split(most), rows.set_R.split(most), strict=True)
    return [Rows(frames, sets) for frames, sets in parts]


def _per_frame(guidance: float | Tensor, frames: int, padded: int) -> Tensor:
    weights = torch.as_tensor(guidance, dtype=torch.float32)
    if weights.ndim == 0:
        return weights
    if weights.shape != (frames,):
        raise ValueError(f"guidance: expected one number or {frames} (one a frame), got {tuple(weights.shape)}")
    return torch.cat([weights, weights[-1:].expand(padded - frames)])[:, None, None, None]
