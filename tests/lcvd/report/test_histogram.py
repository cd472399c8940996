import re

import numpy as np
import pytest

from lcvd.report.histogram import histogram, light_map


def _boxes(svg, kind):
    found = re.findall(rf'<rect class="{kind}" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    return [tuple(map(float, box)) for box in found]


def test_bar_heights_are_proportional_to_counts():
    svg = histogram([1, 1, 1, 9, 99, -99], (0, 10, 5), "<x>", "clips", (8.0, "<limit>"))
    boxes = _boxes(svg, "bin")
    heights = [height for *_, height in boxes]
    assert [round(height / min(heights)) for height in heights] == [2, 1]  # outer bins count values outside the range
    assert heights[0] / heights[1] == pytest.approx(2, rel=0.01)
    assert "&lt;x&gt;" in svg
    assert "&lt;limit&gt;" in svg
    assert "<limit>" not in svg


def test_missing_or_infinite_values_are_rejected():
    with pytest.raises(ValueError, match="needs at least one value"):
        histogram([], (0, 1, 2), "x", "y")
    with pytest.raises(ValueError, match="finite"):
        histogram([np.nan], (0, 1, 2), "x", "y")


def test_light_is_drawn_at_its_direction():
    right, up, behind = [1, 0, 0], [0, 0.6, 0.8], [0, -0.1, -1]
    boxes = _boxes(light_map([right, up, behind], {}), "heat")
    middle, rim = 190, 190 - 46
    assert len(boxes) == 3
    positions = sorted((x + w / 2 - middle, middle - y - h / 2) for x, y, w, h in boxes)
    assert positions[2] == pytest.approx((rim, 0), abs=8)
    assert positions[0] == pytest.approx((0, -rim), abs=8) or positions[1] == pytest.approx((0, -rim), abs=8)
    assert any(position == pytest.approx((0, rim * 36.9 / 90), abs=8) for position in positions)


def test_target_lights_have_their_names():
    svg = light_map(np.zeros((0, 3)), {"<left>": (-1, 0, 0)})
    assert "&lt;left&gt;" in svg
    assert re.search(r'class="target" cx="46\.\d" cy="190\.0"', svg)
