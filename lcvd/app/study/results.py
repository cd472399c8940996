"""Results of a study: mean opinion scores with confidence intervals, and inter-rater agreement."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lcvd.app.study.ratings import Rating
from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.evaluate.record import rounded
from lcvd.metrics.user_study import QUESTIONS, krippendorff_alpha
from lcvd.report.opinions import agreement

RESAMPLES = 2000


def results(ratings: Sequence[Rating], seed: int = 0) -> dict[str, Any]:
    """Means, intervals and agreement, JSON-able.

    A method's value is the mean over all of its ratings. Its 95 % interval resamples both raters and shots (Owen's
    pigeonhole bootstrap), because ratings by one rater or of one shot are not independent. It is None with fewer than two
    raters or shots.

    Args:
        ratings: as returned by `lcvd.app.study.ratings.read`.
        seed: seed of the bootstrap.

    Raises:
        UsageError: there are no ratings.
    """
    if not ratings:
        raise UsageError("no ratings yet; run `lcvd study serve` and let people rate the videos")
    raters, methods, shots = (sorted({getattr(r, name) for r in ratings}) for name in ("rater", "method", "shot"))
    table = np.full((len(QUESTIONS), len(methods), len(raters), len(shots)), np.nan)
    for rating in ratings:
        place = methods.index(rating.method), raters.index(rating.rater), shots.index(rating.shot)
        table[:, *place] = [rating.scores[name] for name in QUESTIONS]
    alphas = [krippendorff_alpha(answers.swapaxes(0, 1).reshape(len(raters), -1)) for answers in table]
    return {
        "methods": {
            method: {
                name: _summary(table[q, m], np.random.default_rng([seed, q, m])) for q, name in enumerate(QUESTIONS)
            }
            for m, method in enumerate(methods)
        },
        "agreement": {name: rounded(alpha) for name, alpha in zip(QUESTIONS, alphas, strict=True)},
        "agreement_measure": "Krippendorff's alpha, ordinal",
        "raters": len(raters),
        "shots": len(shots),
        "ratings": len(ratings),
        "complete_raters": sum(bool(np.isfinite(table[0, :, i]).all()) for i in range(len(raters))),
        "seed": seed,
        "resamples": RESAMPLES,
    }


def markdown(found: dict[str, Any]) -> str:
    """`results` as a Markdown table with the best value of each column in bold, and notes."""
    lines = [f"| method | {' | '.join(f'{name} ↑' for name in QUESTIONS)} | ratings |", f"|---|{'---:|' * 4}"]
    best = {name: max(method[name]["value"] for method in found["methods"].values()) for name in QUESTIONS}
    for method, numbers in found["methods"].items():
        cells = [_cell(numbers[name], numbers[name]["value"] == best[name]) for name in QUESTIONS]
        lines.append(f"| {method} | {' | '.join(cells)} | {numbers[QUESTIONS[0]]['n']} |")
    lines += [
        "",
        f"Mean of opinions from 1 (bad) to 5 (excellent), 95 % bootstrap interval over raters and shots. {found['raters']} "
        f"raters ({found['complete_raters']} of them rated everything), {found['shots']} shots, {found['ratings']} ratings.",
        f"Agreement ({found['agreement_measure']}): {agreement(found)}.",
    ]
    return "\n".join(lines)


def _summary(answers: Array, rng: np.random.Generator) -> dict[str, Any]:
    """Mean and interval of one method and question from answers (raters, shots); NaN: no answer."""
    # Raters and shots without any answer for this method are not part of its sample.
    answers = answers[np.isfinite(answers).any(axis=1)][:, np.isfinite(answers).any(axis=0)]
    given = np.isfinite(answers)
    interval = None
    if min(answers.shape) > 1:
        rows, columns = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float) for n in answers.shape)
        total = (rows @ np.where(given, answers, 0) * columns).sum(axis=1)
        count = (rows @ given * columns).sum(axis=1)
        means = total[count > 0] / count[count > 0]
        interval = [rounded(float(edge)) for edge in np.quantile(means, (0.025, 0.975))]
    return {"value": rounded(float(answers[given].mean())), "interval": interval, "n": int(given.sum())}


def _cell(number: dict[str, Any], best: bool) -> str:
    value = f"**{number['value']:.2f}**" if best else f"{number['value']:.2f}"
    return value if number["interval"] is None else "{} [{:.2f}, {:.2f}]".format(value, *number["interval"])
