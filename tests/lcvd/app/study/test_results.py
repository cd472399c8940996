import numpy as np
import pytest

from lcvd.app.study.ratings import Rating
from lcvd.app.study.results import markdown, results
from lcvd.metrics.user_study import QUESTIONS, krippendorff_alpha


def rate(rater, method, shot, *scores):
    return Rating(rater, method, shot, dict(zip(QUESTIONS, scores, strict=True)))


def simulated(seed, raters=12, shots=10, quality=(4, 2)):
    """Raters and shots differ, and say more of the first method than of the second."""
    rng = np.random.default_rng(seed)
    kind, hard = rng.normal(0, 0.4, raters), rng.normal(0, 0.4, shots)
    for r in range(raters):
        for s in range(shots):
            for method, mean in zip(("good", "poor"), quality, strict=True):
                score = int(np.clip(np.rint(mean + kind[r] + hard[s] + rng.normal(0, 0.5)), 1, 5))
                yield rate(f"r{r}", method, f"s{s}", score, score, 3)


def test_means_counts_and_agreement():
    ratings = [rate("a", "ours", "x", 5, 4, 3), rate("a", "ours", "y", 4, 4, 3), rate("b", "ours", "x", 4, 4, 2),
               rate("a", "theirs", "x", 1, 4, 1)]  # fmt: skip
    found = results(ratings)
    assert found["methods"]["ours"]["LA-User"]["value"] == pytest.approx(13 / 3, abs=1e-5)
    assert found["methods"]["ours"]["LA-User"]["n"] == 3
    assert found["methods"]["theirs"]["VQ-User"] == {"value": 1.0, "interval": None, "n": 1}
    assert (found["raters"], found["shots"], found["ratings"], found["complete_raters"]) == (2, 2, 4, 0)
    nan = np.nan
    expected = krippendorff_alpha([[5, 4, 1, nan], [4, nan, nan, nan]])
    assert found["agreement"]["LA-User"] == pytest.approx(expected)
    assert found["agreement"]["ID-User"] is None  # everybody said 4


def test_the_interval_covers_what_other_raters_and_shots_would_say():
    """Drawn anew, the mean lies within a first study's interval about as often as promised."""
    inside = 0
    for seed in range(40):
        low, high = results(list(simulated(seed)))["methods"]["good"]["LA-User"]["interval"]
        inside += low <= 3.97 <= high  # of 200,000 draws: clipping at 5 takes a little off 4
    assert 34 <= inside <= 40
    by_rating = 1.96 * 0.75 / np.sqrt(120)
    assert high - low > 2 * by_rating  # wider than if ratings were independent


def test_the_same_ratings_give_the_same_numbers_and_the_seed_matters():
    ratings = list(simulated(0))
    assert results(ratings, 1) == results(ratings, 1)
    assert results(ratings, 1)["methods"] != results(ratings, 2)["methods"]


def test_a_rater_who_never_saw_a_method_says_nothing_about_it():
    ratings = [r for r in simulated(0) if r.method == "good" or int(r.rater[1:]) < 6]
    found = results(ratings)
    assert found["methods"]["poor"]["LA-User"]["n"] == 60
    assert found["complete_raters"] == 6
    alone = results([r for r in ratings if r.method == "poor"])
    assert found["methods"]["poor"]["LA-User"]["value"] == alone["methods"]["poor"]["LA-User"]["value"]


def test_the_table_marks_the_best():
    table = markdown(results(list(simulated(0))))
    good, poor = (
        next(line for line in table.splitlines() if line.startswith(f"| {name}")) for name in ("good", "poor")
    )
    assert good.count("**") == 6
    assert poor.count("**") == 2  # all say 3 of the quality: both are best
    assert "12 raters (12 of them rated everything), 10 shots, 240 ratings" in table
    assert "VQ-User unknown" in table


def test_no_ratings_say_what_to_do():
    with pytest.raises(ValueError, match="lcvd study serve"):
        results([])
