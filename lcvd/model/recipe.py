"""Recipes: what a sampling run trades between exactness and time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lcvd.errors import UsageError
from lcvd.model.schedule import Solver
from lcvd.model.windows import WindowRule


@dataclass(frozen=True)
class Recipe:
    """How a video is sampled; everything else (guidance, likeness, conditions, seed) says what is sampled."""

    steps: int
    """Denoising steps."""
    solver: Solver = "euler"
    windows: WindowRule = "published"
    overlap: int | None = None
    """Frames that neighbouring windows share, the reference counted; None: the model's own."""
    interval: tuple[float, float] | None = None
    """Noise levels (lowest, highest sigma) between which guidance is applied; outside, the full conditions count once and
    the weaker ones aren't computed. None: at all."""
    likeness: tuple[float, float] = (0.2, 2.0)
    """The same for `likeness`. At higher noise it would exaggerate the reference's light as well, at lower nothing is left to
    decide."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.steps < 1:
            raise UsageError(f"steps: expected at least 1, got {self.steps}")
        for name in ("interval", "likeness"):
            between = getattr(self, name)
            if between and not 0 <= between[0] < between[1]:
                raise UsageError(f"{name}: expected (lowest, highest) sigma, got {between}")


RECIPES = {
    "published": Recipe(25),
    "default": Recipe(25, windows="shifted", overlap=2),
    "fast": Recipe(10, windows="shifted", overlap=1, interval=(0.5, 50.0)),
}
"""``published``: the published loop, number for number. The others were chosen by measurement (docs/sampling.md)."""


def recipe_of(recipe: Recipe | str, steps: int | None = None) -> Recipe:
    """The recipe of that name, with another number of steps if given.

    Raises:
        UsageError: there is none of that name.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise UsageError(f"recipe: expected one of {', '.join(RECIPES)}, got {recipe!r}")
        recipe = RECIPES[recipe]
    if steps is None:
        return recipe
    return replace(recipe, steps=steps)
