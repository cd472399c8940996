"""Sample order and windows: pure functions with the published distribution."""

from collections import Counter

import numpy as np
import pytest

from lcvd.config.train import TrainSettings
from lcvd.train.sample_order import clip_of, clips_of, schedule, window_of


def test_each_epoch_sees_every_clip_once_in_another_order() -> None:
    order = [clip_of(0, sample, 7) for sample in range(21)]
    epochs = [order[i : i + 7] for i in (0, 7, 14)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert order == [clip_of(0, sample, 7) for sample in range(21)]
    assert order != [clip_of(1, sample, 7) for sample in range(21)]


def test_a_broken_clip_is_replaced_by_those_that_follow_in_the_epoch() -> None:
    for sample in range(14):
        chain = list(clips_of(0, sample, 7))
        assert sorted(chain) == list(range(7))
        assert chain[0] == clip_of(0, sample, 7)
        first = sample - sample % 7
        assert chain[1] == clip_of(0, first + (sample - first + 1) % 7, 7)


def test_weighted_epochs_hold_each_clip_by_its_share() -> None:
    weights = (3.0, 1.0, 1.0, 0.25, 0.25, 0.25, 0.25)
    shares = 7 * np.array(weights) / sum(weights)
    epochs = [Counter(clip_of(0, 7 * epoch + i, 7, weights) for i in range(7)) for epoch in range(400)]
    for epoch in epochs:
        assert epoch.total() == 7
        for clip, share in enumerate(shares):
            assert int(share) <= epoch[clip] <= int(share) + 1
    seen = np.array([[epoch[clip] for clip in range(7)] for epoch in epochs])
    np.testing.assert_allclose(seen.mean(0), shares, atol=0.08)
    orders = {tuple(clip_of(0, 7 * epoch + i, 7, weights) for i in range(7)) for epoch in range(20)}
    assert len(orders) > 15


def test_the_weighted_order_is_a_function_of_seed_and_sample_and_goes_on_anywhere() -> None:
    weights = tuple(np.random.default_rng(0).uniform(0.1, 3, 50))
    order = [clip_of(3, sample, 50, weights) for sample in range(200)]
    assert order[120:] == [clip_of(3, sample, 50, weights) for sample in range(120, 200)]
    assert order != [clip_of(4, sample, 50, weights) for sample in range(200)]
    for sample in (0, 60):
        chain = list(clips_of(3, sample, 50, weights))
        first = sample - sample % 50
        assert sorted(chain) == sorted(order[first : first + 50])
        assert chain[0] == order[sample]


def test_equal_weights_are_the_plain_order() -> None:
    plain = [clip_of(0, sample, 7) for sample in range(21)]
    assert plain == [clip_of(0, sample, 7, (0.5,) * 7) for sample in range(21)]


def test_any_number_of_processes_sees_the_same_samples() -> None:
    def seen(step: int, processes: int, batch: int) -> list[int]:
        settings = TrainSettings(steps=3, global_batch=8, processes=processes, batch=batch)
        ranks = [list(schedule(settings, rank, step))[: settings.accumulation] for rank in range(processes)]
        return [number for micro_step in zip(*ranks, strict=True) for numbers in micro_step for number in numbers]

    for step in range(3):
        assert seen(step, 1, 1) == seen(step, 4, 2) == seen(step, 2, 2) == list(range(8 * step, 8 * step + 8))
    assert len(list(schedule(TrainSettings(steps=3, global_batch=8), 0, step=1))) == 16


@pytest.mark.parametrize("length", [1, 5, 16, 40, 61, 62, 200])
def test_window_is_the_published_one(length: int) -> None:
    """Against the rule of the published data set: `linspace` over a span of at most 61 frames (spec B1)."""
    span = min(length, 15 * 4 + 1)
    starts, references = Counter(), Counter()
    for sample in range(300):
        reference, *rest = window_of(0, sample, length, frames=16, stride=4)
        allowed = [np.linspace(s, s + span - 1, 16, dtype=int)[1:].tolist() for s in range(length - span + 1)]
        starts[allowed.index(rest)] += 1
        references[reference] += 1
    assert set(references) <= set(range(length))
    assert len(references) > min(length, 60) // 2, "the reference may be any frame of the clip"
    assert len(starts) > min(length - span + 1, 60) // 2


def test_window_depends_on_seed_and_sample_alone() -> None:
    windows = {
        (seed, sample): tuple(window_of(seed, sample, 100, frames=8, stride=4)) for seed in (0, 1) for sample in (0, 1)
    }
    assert len(set(windows.values())) == 4
    assert windows[0, 1] == tuple(window_of(0, 1, 100, frames=8, stride=4))
