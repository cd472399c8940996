import json

import numpy as np
import pytest

from lcvd.evaluate.record import Record, Setup, bootstrap_interval, clip_set, mean_interval, versions_of

SETUP = Setup(clip_set="x", lights=("left",), size=128, fps=(25.0,), seed=0)


def test_the_interval_is_the_standard_error_of_many_clips_and_is_seeded():
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = mean_interval(values, seed=3)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert mean_interval(values, seed=3) == (low, high)
    assert mean_interval(values, seed=4) != (low, high)


def test_one_clip_has_no_interval_and_unmeasured_clips_dont_count():
    assert mean_interval([1.0, np.nan], seed=0) is None
    assert mean_interval([1.0, 1.0, np.nan], seed=0) == (1.0, 1.0)
    assert bootstrap_interval(1, lambda m: 0.0, seed=0) is None


def test_a_statistic_sees_multiplicities():
    values = np.array([1.0, 2.0, 3.0])
    low, high = bootstrap_interval(3, lambda m: float(np.average(values, weights=m)), seed=0)
    assert 1 <= low < 2 < high <= 3


def test_a_record_is_plain_json_without_nan():
    record = Record("LE(open)", float("nan"), 2, 62, "lower", SETUP, interval=(0.123456789, 1.0))
    assert json.loads(json.dumps(record.plain(), allow_nan=False))["value"] is None
    assert record.plain()["interval"] == [0.123457, 1.0]


def test_a_record_comes_back_from_its_file_as_it_was():
    plain = Record("LE(open)", 1.0, 2, 62, "lower", SETUP, versions=versions_of(["numpy"])).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["setup"]["fps"] == [25.0]
    assert plain["versions"] == {"numpy": np.__version__}


def test_a_clip_set_is_named_by_its_clips_alone():
    assert clip_set(["b", "a", "a"]) == clip_set(["a", "b"]) != clip_set(["a", "c"])
    assert versions_of(["no-such-package-anywhere"]) == {}
