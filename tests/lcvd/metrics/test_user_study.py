"""Against the worked examples of Krippendorff, Computing Krippendorff's Alpha-Reliability (2011)."""

import numpy as np
import pytest

from lcvd.metrics.user_study import krippendorff_alpha

NONE = np.nan
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_four_observers_with_ratings_missing(level, alpha):
    assert krippendorff_alpha(FOUR_OBSERVERS, level) == pytest.approx(alpha, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_two_observers_and_two_values(level):
    """With two values, all distances are one."""
    meg, owen = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha([meg, owen], level) == pytest.approx(0.095, abs=5e-4)


def test_two_observers_and_names():
    ben = [0, 0, 1, 1, 3, 3, 2, 3, 0, 4, 4, 2]  # a a b b d c c c e d d a, coded
    gerry = [1, 0, 1, 1, 1, 3, 3, 3, 4, 4, 4, 4]
    table = np.array([ben, gerry], float)
    # Straight from the definition, pair by pair.
    observed = (table[0] != table[1]).mean()
    pool = table.ravel()
    expected = (pool[:, None] != pool[None]).sum() / (len(pool) * (len(pool) - 1))
    assert krippendorff_alpha(table, "nominal") == pytest.approx(1 - observed / expected)


def test_full_agreement_chance_and_what_can_t_be_told():
    table = np.random.default_rng(0).integers(1, 6, (2, 4000)).astype(float)
    assert krippendorff_alpha(table) == pytest.approx(0, abs=0.05)
    assert krippendorff_alpha([table[0], table[0]]) == pytest.approx(1)
    assert krippendorff_alpha([table[0], 6 - table[0]]) < -0.9
    assert np.isnan(krippendorff_alpha(np.full((3, 4), 4.0)))
    assert np.isnan(krippendorff_alpha([[1.0, NONE], [NONE, 2.0]]))
    assert np.isnan(krippendorff_alpha(np.zeros((0, 0))))
    with pytest.raises(ValueError, match=r"\(raters, units\)"):
        krippendorff_alpha([1.0, 2.0])
