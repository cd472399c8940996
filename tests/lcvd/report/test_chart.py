import numpy as np
import pytest

from lcvd.report.chart import Series, line_chart, ticks


def test_ticks_are_round_numbers_within_the_range():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(0, 7) == [0, 2, 4, 6]
    assert ticks(3, 3) == [3]


def test_a_running_mean_preserves_length_and_constants():
    series = Series("a", np.arange(7.0), np.array([0.0, 0, 0, 7, 0, 0, 0]))
    smooth = series.smooth(3)
    assert smooth.y.tolist() == pytest.approx([0, 0, 7 / 3, 7 / 3, 7 / 3, 0, 0])
    assert Series("a", series.x, np.ones(7)).smooth(5).y.tolist() == pytest.approx([1] * 7)


def test_names_are_escaped_and_points_are_inside_the_chart():
    svg = line_chart([Series("<b>", np.array([10.0, 20]), np.array([1.0, -1]))], "steps", "<loss>")
    assert "<b>" not in svg
    assert "<loss>" not in svg
    points = [float(n) for pair in svg.split('points="')[1].split('"')[0].split() for n in pair.split(",")]
    assert min(points) >= 0
    assert max(points) <= 720


def test_empty_and_infinite_data_are_rejected():
    with pytest.raises(ValueError, match="at least one point"):
        line_chart([], "x", "y")
    with pytest.raises(ValueError, match="finite"):
        line_chart([Series("a", np.zeros(1), np.array([np.nan]))], "x", "y")
