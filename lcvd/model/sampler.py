"""The sampling loop: denoising steps over overlapping windows of a video, with guidance (spec D).

Shape suffixes: N frames, T frames of a window, R rows, C latent channels, h w latent height and width.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lcvd.model.guidance import NEGATIVE, NO_REFERENCE, POSITIVE, Guidance
from lcvd.model.recipe import Recipe
from lcvd.model.sampling_state import State, StateFolder
from lcvd.model.schedule import Scheduler, solver_of
from lcvd.model.windows import blend_weights, tiled_noise, windows


@dataclass(frozen=True)
class Rows:
    """One network batch: each row is a window under one set of conditions."""

    frames_RT: Tensor
    """Frame indices of each row's window."""
    set_R: Tensor
    """`guidance.NEGATIVE`, `POSITIVE` or `NO_REFERENCE`."""


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
    """Sets of conditions to compute: those with nonzero weight."""

    @property
    def rows(self) -> Rows:
        """All rows: each window under each set."""
        sets = torch.tensor(self.sets)
        return Rows(self.windows_WT.repeat_interleave(len(sets), 0), sets.repeat(len(self.windows_WT)))


def plan_steps(
    recipe: Recipe, scheduler: Scheduler, frames: int, length: int, overlap: int, sets: Sequence[int]
) -> list[Step]:
    """The steps of a video of `frames` >= `length` frames. The timesteps of `scheduler` are set; `sets` have a weight at some
    noise level."""
    steps = []
    for number, (timestep, sigma) in enumerate(zip(scheduler.timesteps, scheduler.sigmas.tolist(), strict=False)):
        between = {NEGATIVE: recipe.interval, POSITIVE: None, NO_REFERENCE: recipe.likeness}
        computed = tuple(which for which in sets if _within(sigma, between[which]))
        indices = windows(frames, length, recipe.overlap or overlap, recipe.windows, number)
        steps.append(Step(number, timestep, indices, computed))
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
    guidance: Guidance,
    overlap: int = 6,
    rows: int = 2,
    progress: Callable[[int, int], None] | None = None,
    on_step: Callable[[int, Tensor, Tensor], Tensor | None] | None = None,
    state_folder: StateFolder | None = None,
) -> Tensor:
    """Latents (frames,C,h,w) of a video of any length, on `noise_TChw`'s device (`network` may use another).

    At each step the predictions of overlapping windows are averaged with tent-shaped weights, one average per set of
    conditions, and combined by `guidance`. A set whose weight is zero isn't computed. The result is deterministic given
    `noise_TChw`, the normal noise of one window, which is tiled over the video. A video shorter than a window is padded: its
    noise repeats, `network` gets the padded indices clipped to the last frame, and the result is cut to its length.

    Args:
        frames: number of video frames, including the reference. scheduler: noise levels.
        overlap: frames shared by consecutive windows, unless the recipe sets it.
        rows: batch size of the network; results differ by rounding only. progress: called with (rows computed, total rows).
        on_step: called with (step, timestep, latents of the frames) after each step; latents that it returns replace them.
        state_folder: saved progress, from which a stopped run resumes. Completed steps aren't passed to `on_step` again.

    Raises:
        UsageError: per-hint guidance doesn't match the video.
    """
    padded = max(frames, len(noise_TChw))
    solver = solver_of(recipe.solver, scheduler)
    solver.set_timesteps(recipe.steps)
    latents = tiled_noise(noise_TChw, padded) * solver.init_noise_sigma
    scale = _padded(guidance.scale_of(frames), padded).to(latents)
    sets = [NEGATIVE] * bool((scale != 1).any()) + [POSITIVE] + [NO_REFERENCE] * (guidance.reference_weight != 0)
    steps = plan_steps(recipe, solver, padded, len(noise_TChw), overlap, sets)
    counts = [len(step.rows.set_R) for step in steps]
    start = 0
    if state_folder and (state := state_folder.state()):
        start, latents = state.done, state.after
        _wind_forward(solver, steps[start - 1], state)
    done, total = sum(counts[:start]), sum(counts)
    for step in steps[start:]:
        blend = _Blend(latents, step)
        scaled = solver.scale_model_input(latents, step.timestep)
        for part, outputs in _outputs(network, scaled, step, frames, rows, state_folder):
            blend.add(part, outputs)
            done += len(part.set_R)
            if progress:
                progress(done, total)
        before, prediction = latents, blend.guided(scale, guidance.reference_weight)
        latents = solver.step(prediction, step.timestep, before, return_dict=False)[0]
        if on_step and (changed := on_step(step.number, step.timestep, latents[:frames])) is not None:
            latents = torch.cat([changed.to(latents), latents[frames:]])
        if state_folder:
            state_folder.save_step(State(step.number + 1, before, prediction, latents))
    return latents[:frames]


class _Blend:
    """Averages of the windows' predictions, one per set of conditions."""

    def __init__(self, latents: Tensor, step: Step) -> None:
        self._weights = blend_weights(step.windows_WT.shape[1]).to(latents)[:, None, None, None]
        self._sums = {which: torch.zeros_like(latents) for which in step.sets}
        self._total = torch.zeros(len(latents), 1, 1, 1, device=latents.device, dtype=latents.dtype)
        for window in step.windows_WT:
            self._total[window] += self._weights

    def add(self, rows: Rows, outputs_RTChw: Tensor) -> None:
        """Add the network's outputs of some rows."""
        outputs = outputs_RTChw.to(self._total)
        for window, which, output in zip(rows.frames_RT, rows.set_R.tolist(), outputs, strict=True):
            self._sums[which][window] += self._weights * output

    def guided(self, scale: Tensor, reference_weight: float) -> Tensor:
        """The guided prediction, see `Guidance`."""
        mean = {which: total / self._total for which, total in self._sums.items()}
        y2 = guided = mean[POSITIVE]
        if NEGATIVE in mean:
            guided = mean[NEGATIVE] + scale * (y2 - mean[NEGATIVE])
        if NO_REFERENCE in mean:
            guided = guided + reference_weight * (y2 - mean[NO_REFERENCE])
        return guided


def _wind_forward(solver: Scheduler, last: Step, state: State) -> None:
    """Bring a new solver to its state after the step `last`. The result of that step, computed at lower order, isn't used."""
    solver.set_begin_index(last.number)
    solver.scale_model_input(state.before, last.timestep)
    solver.step(state.prediction, last.timestep, state.before)


def _outputs(
    network: Network, scaled_NChw: Tensor, step: Step, frames: int, most: int, state_folder: StateFolder | None
) -> Iterator[tuple[Rows, Tensor]]:
    """The rows of a step, at most `most` at once, and the network's outputs, which are loaded if they were saved before."""
    parts = zip(step.rows.frames_RT.split(most), step.rows.set_R.split(most), strict=True)
    for number, (indices, sets) in enumerate(parts):
        outputs = state_folder.rows(step.number, number, len(sets)) if state_folder else None
        if outputs is None:
            outputs = network(scaled_NChw[indices], step.timestep, Rows(indices.clamp(max=frames - 1), sets))
            if state_folder:
                state_folder.save_rows(step.number, number, outputs)
        yield Rows(indices, sets), outputs


def _padded(scale: Tensor, frames: int) -> Tensor:
    """Guidance scales per frame, the last one repeated up to `frames` frames; a scalar is unchanged."""
    if scale.ndim == 0:
        return scale
    return torch.cat([scale, scale[-1:].expand(frames - len(scale))])[:, None, None, None]
