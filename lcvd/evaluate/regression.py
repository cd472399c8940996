"""Detect metrics that became worse by more than their noise, compared with earlier evaluations under the same setup."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcvd.evaluate.records_file import values_of

RECENT = 10
"""Maximum number of comparable commits in the baseline."""
ENOUGH = 5
"""Minimum number of commits whose spread is used as an estimate of the noise."""
FLOOR = 0.01
"""Minimum noise relative to the baseline, for other machines and library versions."""


@dataclass(frozen=True)
class Worsened:
    """A metric that is worse than its baseline by more than `noise`. `now` is None if it couldn't be measured."""

    name: str
    now: float | None
    before: float
    noise: float

    def __str__(self) -> str:
        now = "can't be measured any more" if self.now is None else f"is {self.now:.4g}"
        return f"{self.name} {now}; it was {self.before:.4g}, and its noise is {self.noise:.2g}"


def history_entry(commit: str, evaluated: str, records: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of the history for an evaluation: a small dictionary for JSON.

    Args:
        commit: the commit of model and code. evaluated: the time (ISO 8601).
        records: the content of records.json. The entry's `protocol` is the model's `lcvd.evaluate.record.Setup`.
    """
    real = values_of(records, "driving")
    metrics = {}
    ours = records["methods"]["lcvd"]["records"]
    for record in ours:
        kept = {key: record[key] for key in ("value", "interval", "direction", "sha256")}
        if record["direction"] == "reference":
            kept["reference"] = real.get(record["name"])
        metrics[record["name"]] = kept
    setup = ours[0]["setup"]  # the same for all metrics of a method
    return {"commit": commit, "evaluated": evaluated, "protocol": setup, "metrics": metrics}


def worsened(history: Sequence[Mapping[str, Any]], entry: Mapping[str, Any]) -> list[Worsened]:
    """Metrics of `entry` that are worse than in `history` (oldest first) beyond their noise, in order of name.

    The baseline is the median over the last `RECENT` commits evaluated under the same protocol. The noise is the
    largest of: half the metric's bootstrap interval over clips, 3 robust standard deviations of those commits (when
    there are `ENOUGH`), and `FLOOR`. Without a comparable commit the list is empty.
    """
    comparable = {past["commit"]: past for past in history if past["protocol"] == entry["protocol"]}
    earlier = [past for commit, past in comparable.items() if commit != entry["commit"]]
    found = (_judged(name, metric, earlier) for name, metric in sorted(entry["metrics"].items()))
    return [each for each in found if each is not None]


def _judged(name: str, metric: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> Worsened | None:
    past = [each["metrics"][name] for each in earlier if name in each["metrics"]]
    past = [each for each in past if each["sha256"] == metric["sha256"] and each["value"] is not None][-RECENT:]
    if not past:
        return None
    before = float(np.median([each["value"] for each in past]))
    noise = _noise(before, [each["value"] for each in past], [*(each["interval"] for each in past), metric["interval"]])
    if metric["value"] is None:
        return Worsened(name, None, before, noise)
    badness = [_badness(each) for each in (*past, metric)]
    if badness[-1] - float(np.median(badness[:-1])) <= noise:
        return None
    return Worsened(name, metric["value"], before, noise)


def _noise(before: float, values: Sequence[float], intervals: Sequence[Sequence[float | None] | None]) -> float:
    halves = [(span[1] - span[0]) / 2 for span in intervals if span and span[0] is not None and span[1] is not None]
    spread = 3 * 1.4826 * float(np.median(np.abs(np.asarray(values) - before))) if len(values) >= ENOUGH else 0.0
    return max(FLOOR * abs(before), spread, float(np.median(halves)) if halves else 0.0)


def _badness(metric: Mapping[str, Any]) -> float:
    """A number that is larger for worse values."""
    value, reference = metric["value"], metric.get("reference")
    if metric["direction"] == "reference" and reference is not None and math.isfinite(reference):
        return abs(value - reference)
    return -value if metric["direction"] == "higher" else value
