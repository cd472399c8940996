"""Recipes: trade-offs between quality and time of sampling."""

from dataclasses import dataclass, replace

from lcvd.errors import UsageError
from lcvd.model.schedule import Solver
from lcvd.model.windows import WindowRule


@dataclass(frozen=True)
class Recipe:
    """How a video is sampled: solver, steps, windows, and the noise levels of guidance and likeness."""

    steps: int
    """Number of denoising steps."""
    solver: Solver = "euler"
    windows: WindowRule = "published"
    overlap: int | None = None
    """Number of frames that consecutive windows share, including the reference. None: the model's own."""
    interval: tuple[float, float] | None = None
    """Noise levels (lowest, highest sigma) at which guidance is applied. At other noise levels only the prediction under the
    positive conditions is computed and used. None: all noise levels."""
    likeness: tuple[float, float] = (0.2, 2.0)
    """Noise levels at which the likeness is applied. At higher noise levels it would also amplify the light of the reference; at
    lower ones the image is already determined."""

    def __post_init__(self) -> None:
        """Check the ranges."""
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
"""``published`` reproduces the published sampling loop. The others were chosen by measurement (docs/sampling.md)."""


def recipe_of(recipe: Recipe | str, steps: int | None = None) -> Recipe:
    """A recipe, by its name if it is a string; `steps` replaces its number of steps.

    Raises:
        UsageError: there is no recipe of that name.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise UsageError(f"recipe: expected one of {', '.join(RECIPES)}, got {recipe!r}")
        recipe = RECIPES[recipe]
    return recipe if steps is None else replace(recipe, steps=steps)
