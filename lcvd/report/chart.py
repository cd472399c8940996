"""Line charts as inline SVG: sharp on any screen and on paper, coloured by the page's style sheet."""

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
    """A named curve; `x` and `y` have the same length."""

    name: str
    x: Array
    y: Array

    def smooth(self, window: int) -> Series:
        """Running mean over `window` points, shorter at the ends so that no point is lost."""
        half = max(window // 2, 0)
        total = np.concatenate([[0.0], np.cumsum(self.y)])
        index = np.arange(len(self.y))
        low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(self.y))
        return Series(self.name, self.x, (total[high] - total[low]) / (high - low))


def line_chart(series: Sequence[Series], x_label: str, y_label: str) -> Markup:
    """Each curve faint as it is, and bold as its running mean over a twentieth of its points.

    Raises:
        ValueError: nothing to draw, or a value isn't finite.
    """
    if not series or not all(len(each.x) for each in series):
        raise ValueError("a chart needs at least one point a curve")
    xs, ys = (np.concatenate([getattr(each, axis) for each in series]) for axis in "xy")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise ValueError("a curve holds a value that isn't finite")
    x_ticks, y_ticks = ticks(float(xs.min()), float(xs.max())), ticks(min(0.0, float(ys.min())), float(ys.max()))
    frame = Frame((float(xs.min()), float(xs.max())), (y_ticks[0], max(y_ticks[-1], float(ys.max()))))
    parts = [grid(frame, x_ticks, y_ticks, x_label, y_label)]
    for number, each in enumerate(series):
        bold = each.smooth(max(3, len(each.x) // 20))
        for kind, curve in (("raw", each), ("mean", bold)):
            points = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(curve.x, curve.y, strict=True))
            parts.append(Markup('<polyline class="{} c{}" points="{}"/>').format(kind, number % 4, points))
    label = f"{', '.join(each.name for each in series)} over {x_label}"
    svg = '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    return Markup(svg).format(WIDTH, HEIGHT, label, Markup("").join(parts))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from at most `low` up to at most `high`."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.floor(low / step) * step
    return [first + step * i for i in range(math.floor((high - first) / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Frame:
    """Values to places in a picture of `width` x `height`, with room for numbers at the left and below."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT

    def x(self, value: float) -> float:
        """Place of an x value."""
        return _LEFT + (self.width - _LEFT - _RIGHT) * _share(value, self.x_range)

    def y(self, value: float) -> float:
        """Place of a y value."""
        return self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * _share(value, self.y_range)


def _share(value: float, limits: tuple[float, float]) -> float:
    return (value - limits[0]) / ((limits[1] - limits[0]) or 1.0)


def grid(frame: Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str) -> Markup:
    """Lines at the y ticks, numbers at both axes' ticks, and the axes' labels."""
    right, bottom = frame.width - _RIGHT, frame.height - _BOTTOM
    parts = []
    for value in y_ticks:
        y = f"{frame.y(value):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{value:g}</text>')
    for value in x_ticks:
        if frame.x_range[0] <= value <= frame.x_range[1]:
            x = f"{frame.x(value):.1f}"
            parts.append(f'<text class="tick" x="{x}" y="{bottom + 22}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text class="label" x="{right}" y="{frame.height - 8}" text-anchor="end">{escape(x_label)}</text>')
    parts.append(f'<text class="label" x="8" y="16">{escape(y_label)}</text>')
    return Markup("".join(parts))
