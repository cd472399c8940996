"""Guidance: the sets of conditions, the scale of every frame, and what is refused."""

import pytest
import torch

from lcvd.model.guidance import NEGATIVE, NO_REFERENCE, POSITIVE, Guidance


def test_the_third_set_lacks_the_reference() -> None:
    sets = Guidance(2.0).condition_sets()
    assert sets[NEGATIVE] == {"reference"}
    assert sets[POSITIVE] == {"shading", "reference"}
    assert sets[NO_REFERENCE] == {"shading"}


def test_a_scale_is_one_number_a_ramp_or_one_per_hint() -> None:
    assert Guidance(2.5).scale_of(4) == 2.5
    assert Guidance((1, 4)).scale_of(4).tolist() == [1, 2, 3, 4]
    assert Guidance(torch.tensor([3.0, 1, 2])).scale_of(4).tolist() == [
        3,
        3,
        1,
        2,
    ]  # the reference has the first hint's
    with pytest.raises(ValueError, match=r"expected one number, two, or 5 \(one per hint\), got \(3,\)"):
        Guidance([1, 2, 3]).scale_of(6)


def test_likeness_has_a_weight_only_where_the_reference_is_used() -> None:
    assert Guidance(1.0, likeness=2.5).reference_weight == 1.5
    assert Guidance.of_adapters("shading", 1.0, likeness=2.5).reference_weight == 0
    assert Guidance.of_adapters("shading", 1.0).negative == ()


def test_adapters_that_the_model_lacks_are_named() -> None:
    Guidance(1.0).check_adapters(["shading", "reference"])
    with pytest.raises(ValueError, match=r"positive: expected some of \['reference'\], got \('shading', 'reference'\)"):
        Guidance(1.0).check_adapters(["reference"])
