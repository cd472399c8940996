import copy
import json

import numpy as np

from lcvd.evaluate.record import Record, Setup, clip_set
from lcvd.evaluate.regression import history_entry, worsened


def records(light=1.0, identity=0.8, flicker=0.5, real=0.4, interval=None, clips=("a", "b")):
    setup = Setup(clip_set(clips), ("left",), 128, (25.0,), 0, "published, 25 steps", "31 frames")

    def record(name, value, direction):
        made = Record(name, value if value is not None else float("nan"), len(clips), 9, direction, setup)
        return made.plain() | {"interval": interval, "sha256": "x"}

    return {
        "methods": {
            "lcvd": {
                "records": [
                    record("LE", light, "lower"),
                    record("ID", identity, "higher"),
                    record("ADJ", flicker, "reference"),
                ]
            },
            "driving": {"records": [record("ADJ", real, "reference"), record("LE", 9.0, "lower")]},
        },
    }


def entry(commit="new", **values):
    return history_entry(commit, "2026-11-23T02:30:00+00:00", records(**values))


def names(history, now):
    return [each.name for each in worsened(history, now)]


def test_an_entry_is_one_line_of_json_and_keeps_what_is_compared():
    made = entry()
    assert json.loads(json.dumps(made)) == made
    assert made["metrics"]["ADJ"] == {
        "value": 0.5,
        "interval": None,
        "direction": "reference",
        "sha256": "x",
        "reference": 0.4,
    }
    assert made["protocol"] == records()["methods"]["lcvd"]["records"][0]["setup"]
    assert made["protocol"]["clip_set"] != entry(clips=("a",))["protocol"]["clip_set"]


def test_each_direction():
    history = [entry("old")]
    assert names(history, entry(light=1.1)) == ["LE"]
    assert names(history, entry(light=0.5)) == []
    assert names(history, entry(identity=0.7)) == ["ID"]
    assert names(history, entry(identity=0.9)) == []
    assert names(history, entry(flicker=0.1)) == ["ADJ"]  # a frozen video
    assert names(history, entry(flicker=0.42)) == []
    assert names(history, entry(flicker=0.38)) == []
    assert names(history, entry(light=1.2, identity=0.1, flicker=0.9)) == ["ADJ", "ID", "LE"]


def test_within_the_noise_nothing_is_said():
    assert names([entry("old")], entry(light=1.009)) == []
    assert names([entry("old")], entry(light=1.011)) == ["LE"]
    wide = [entry("old", interval=[0.9, 1.1])]
    assert names(wide, entry(light=1.09, interval=[0.9, 1.1])) == []
    assert names(wide, entry(light=1.2, interval=[0.9, 1.1])) == ["LE"]


def test_the_spread_of_commits_is_noise():
    rng = np.random.default_rng(0)
    history = [entry(f"c{i}", light=float(value)) for i, value in enumerate(rng.normal(1, 0.05, 30))]
    false = sum(bool(names(history, entry(light=float(value)))) for value in rng.normal(1, 0.05, 300))
    assert false / 300 < 0.05
    assert names(history, entry(light=1.5)) == ["LE"]


def test_a_slow_slide_isnt_hidden_by_the_same_commit_evaluated_night_after_night():
    history = [entry("old")] * 9 + [entry("new", light=1.2)] * 9
    assert names(history, entry("new", light=1.2)) == ["LE"]


def test_only_the_same_protocol_and_weights_compare():
    assert names([], entry(light=9.0)) == []
    assert names([entry("old", clips=("a",))], entry(light=9.0)) == []
    other = copy.deepcopy(entry("old"))
    other["metrics"]["LE"]["sha256"] = "other"
    assert names([other], entry(light=9.0, identity=0.1)) == ["ID"]


def test_a_metric_that_cant_be_measured_any_more_is_worse():
    [found] = worsened([entry("old")], entry(identity=None))
    assert str(found) == "ID can't be measured any more; it was 0.8, and its noise is 0.008"
    [found] = worsened([entry("old")], entry(light=2.0))
    assert str(found) == "LE is 2; it was 1, and its noise is 0.01"
    assert names([entry("old", identity=None)], entry(identity=0.5)) == []
