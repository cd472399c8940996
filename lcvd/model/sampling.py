"""How a model is sampled unless the caller says otherwise: guidance, likeness, recipe, steps and adapters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lcvd.errors import UsageError
from lcvd.model.guidance import Guidance, Scale
from lcvd.model.recipe import Recipe, recipe_of


@dataclass(frozen=True)
class Sampling:
    """A model's sampling defaults, or the values of one run. The defaults of this class are the published system's.

    A model folder stores them under ``sampling`` in ``model_index.json``.

    Raises:
        UsageError: a value is out of range; the error names it.
    """

    guidance: float = 4.5
    likeness: float = 1.0
    recipe: str = "published"
    steps: int = 25
    adapters: str = "shading+reference"
    """See `Guidance.of_adapters`."""

    def __post_init__(self) -> None:
        """Check the values, which may come from a file."""
        for name in ("guidance", "likeness"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name}: expected a finite number of at least 0, got {value!r}")
        if not isinstance(self.steps, int):
            raise UsageError(f"steps: expected a whole number, got {self.steps!r}")
        recipe_of(self.recipe, self.steps)

    def resolved(self, asked: Mapping[str, Any]) -> Sampling:
        """The values of one run: what the caller asked for, and these defaults for everything that is None or missing.

        A recipe that is asked for without a number of steps takes its own number of steps.

        Raises:
            UsageError: a value is out of range; the error names it.
        """
        given = {name: value for name, value in asked.items() if value is not None}
        steps = self.recipe_for(given.get("recipe"), given.get("steps")).steps
        return Sampling(**asdict(self) | given | {"steps": steps})

    def recipe_for(self, recipe: Recipe | str | None = None, steps: int | None = None) -> Recipe:
        """The recipe to sample with; None takes the default."""
        if recipe is None:
            return recipe_of(self.recipe, self.steps if steps is None else steps)
        return recipe_of(recipe, steps)

    def guidance_for(self, scale: Scale | None = None, likeness: float | None = None) -> Guidance:
        """The guidance to sample with; None takes the default."""
        return Guidance.of_adapters(
            self.adapters,
            self.guidance if scale is None else scale,
            self.likeness if likeness is None else likeness,
        )
