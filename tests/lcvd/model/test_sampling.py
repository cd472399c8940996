"""A model's sampling defaults: what a caller changes, and what stays."""

import pytest

from lcvd.model.recipe import RECIPES, Recipe
from lcvd.model.sampling import Sampling

OWN = Sampling(1.0, 2.0, "default", 12, "shading+reference")


def test_what_isnt_asked_for_is_the_models_own() -> None:
    assert OWN.resolved({}) == OWN.resolved({"guidance": None, "steps": None}) == OWN
    assert OWN.resolved({"guidance": 3.0, "adapters": "shading"}) == Sampling(3.0, 2.0, "default", 12, "shading")


def test_a_recipe_without_steps_takes_its_own_number_of_steps() -> None:
    assert OWN.resolved({"recipe": "fast"}).steps == RECIPES["fast"].steps == 10
    assert OWN.resolved({"recipe": "fast", "steps": 6}) == Sampling(1.0, 2.0, "fast", 6)
    assert OWN.resolved({"steps": 6}) == Sampling(1.0, 2.0, "default", 6)
    assert OWN.recipe_for(Recipe(3)) == Recipe(3)
    assert OWN.recipe_for().steps == 12


def test_guidance_takes_what_is_left_out_from_the_model() -> None:
    found = OWN.guidance_for(likeness=1.5)
    assert (found.scale, found.likeness, found.positive, found.negative) == (
        1.0, 1.5, ("shading", "reference"), ("reference",)
    )  # fmt: skip
    assert OWN.guidance_for((1, 3)).scale == (1, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"guidance": -1}, "guidance: expected a finite number of at least 0, got -1"),
        ({"likeness": "much"}, "likeness: expected a finite number of at least 0, got 'much'"),
        ({"recipe": "slow"}, "recipe: expected one of published, default, fast"),
        ({"steps": 0}, "steps: expected at least 1"),
        ({"steps": 2.5}, "steps: expected a whole number, got 2.5"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OWN.resolved(values)
