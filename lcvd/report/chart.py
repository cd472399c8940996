"""Line charts as inline SVG, styled by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 26, 30, 58
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """A named curve; `x` and `y` have equal lengths."""

    name: str
    x: Array
    y: Array

    def smooth(self, window: int) -> Series:
        """Running mean over `window` points, over fewer at the ends so that the length is preserved."""
        half = max(window // 2, 0)
        total = np.concatenate([[0.0], np.cumsum(self.y)])
        index = np.arange(len(self.y))
        low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(self.y))
        return Series(self.name, self.x, (total[high] - total[low]) / (high - low))


def line_chart(series: Sequence[Series], x_label: str, y_label: str) -> Markup:
    """Draw each curve faintly, and its running mean over a twentieth of its points in bold.

    Raises:
        ValueError: there is nothing to draw, or a value is not finite.
    """
    if not series or not all(len(each.x) for each in series):
        raise ValueError("a chart needs at least one point per curve")
    xs, ys = (np.concatenate([getattr(each, axis) for each in series]) for axis in "xy")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise ValueError("every value of a curve must be finite")
    x_ticks, y_ticks = ticks(float(xs.min()), float(xs.max())), ticks(min(0.0, float(ys.min())), float(ys.max()))
    area = PlotArea((float(xs.min()), float(xs.max())), (y_ticks[0], max(y_ticks[-1], float(ys.max()))))
    parts = [grid(area, x_ticks, y_ticks, x_label, y_label)]
    for number, each in enumerate(series):
        bold = each.smooth(max(3, len(each.x) // 20))
        for kind, curve in (("raw", each), ("mean", bold)):
            points = " ".join(f"{area.x(x):.1f},{area.y(y):.1f}" for x, y in zip(curve.x, curve.y, strict=True))
            parts.append(Markup('<polyline class="{} c{}" points="{}"/>').format(kind, number % 4, points))
    return svg(WIDTH, HEIGHT, f"{', '.join(each.name for each in series)} over {x_label}", parts)


def svg(width: float, height: float, label: str, parts: Sequence[Markup], kind: str = "chart") -> Markup:
    """An inline SVG of these elements."""
    text = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>')
    return text.format(kind, width, height, label, Markup("").join(parts))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers, from at most `low` up to at most `high`."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.floor(low / step) * step
    return [first + step * i for i in range(math.floor((high - first) / step + 1e-9) + 1)]


@dataclass(frozen=True)
class PlotArea:
    """Maps values to positions in an image of `width` x `height`, with margins for tick labels at the left and below."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT

    def x(self, value: float) -> float:
        """Horizontal position of an x value."""
        return _LEFT + (self.width - _LEFT - _RIGHT) * _fraction(value, self.x_range)

    def y(self, value: float) -> float:
        """Vertical position of a y value."""
        return self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * _fraction(value, self.y_range)


def _fraction(value: float, limits: tuple[float, float]) -> float:
    return (value - limits[0]) / ((limits[1] - limits[0]) or 1.0)


def grid(area: PlotArea, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str) -> Markup:
    """Grid lines at the y ticks, tick labels on both axes, and axis labels."""
    right, bottom = area.width - _RIGHT, area.height - _BOTTOM
    parts = []
    for value in y_ticks:
        y = f"{area.y(value):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{value:g}</text>')
    for value in x_ticks:
        if area.x_range[0] <= value <= area.x_range[1]:
            x = f"{area.x(value):.1f}"
            parts.append(f'<text class="tick" x="{x}" y="{bottom + 22}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text class="label" x="{right}" y="{area.height - 8}" text-anchor="end">{escape(x_label)}</text>')
    parts.append(f'<text class="label" x="8" y="16">{escape(y_label)}</text>')
    return Markup("".join(parts))
