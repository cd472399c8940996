"""Histograms and a map of light directions as inline SVG, in the style of `lcvd.report.chart`."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from lcvd.report.chart import PlotArea, grid, svg, ticks

Array = NDArray[np.float64]
WIDTH, HEIGHT = 440, 270
SIDE, MARGIN = 380, 46
CELL = 7.5
"""Side of a cell of the light map in degrees."""
LABELS = {"left": (-1, 0), "right": (1, 0), "top": (0, 1), "bottom": (0, -1)}


def histogram(
    values: ArrayLike,
    edges: tuple[float, float, int],
    x_label: str,
    y_label: str,
    threshold: tuple[float, str] | None = None,
) -> Markup:
    """Histogram with `edges` = (low, high, bins); values outside the range are counted in the outer
    bins. `threshold`: value and text of a line to draw.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    array = np.asarray(values, np.float64)
    if not array.size or not np.isfinite(array).all():
        raise ValueError("a histogram needs at least one value, all finite")
    low, high, bins = edges
    counts, bin_edges = np.histogram(np.clip(array, low, high), bins=bins, range=(low, high))
    top = int(counts.max())
    y_ticks = sorted({round(tick) for tick in ticks(0, top, 4)})
    area = PlotArea((low, high), (0.0, max(top, y_ticks[-1]) * 1.06), WIDTH, HEIGHT)
    parts = [grid(area, ticks(low, high), [float(tick) for tick in y_ticks], x_label, y_label)]
    for count, left, right in zip(counts, bin_edges[:-1], bin_edges[1:], strict=True):
        if count:
            x, y = area.x(left), area.y(float(count))
            box = Markup('<rect class="bin" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
            parts.append(box.format(x + 0.75, y, area.x(right) - x - 1.5, area.y(0.0) - y))
    if threshold is not None:
        parts.append(_draw_threshold(area, *threshold))
    label = f"histogram of {x_label}: {array.size} values, median {np.median(array):.3g}"
    return svg(area.width, area.height, label, parts)


def light_map(directions: ArrayLike, marks: Mapping[str, ArrayLike]) -> Markup:
    """Map of light directions seen from the camera. The centre is the direction of the camera; the rim is 90 degrees or
    more from it. Cells get darker with the fraction of frames.

    Args:
        directions: unit vectors (N, 3), x right, y up, z towards the camera; N may be 0.
        marks: named directions to draw as rings: the target lights.
    """
    middle, radius = SIDE / 2, SIDE / 2 - MARGIN
    parts = []
    points = _azimuthal_projection(np.asarray(directions, np.float64).reshape(-1, 3))
    cells = Counter((math.floor(x * 90 / CELL), math.floor(y * 90 / CELL)) for x, y in points)
    max_count = max(cells.values(), default=1)
    step = radius * CELL / 90
    box = Markup('<rect class="heat" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" opacity="{:.2f}"/>')
    for (column, row), count in sorted(cells.items()):
        shade = 0.15 + 0.85 * math.sqrt(count / max_count)
        parts.append(box.format(middle + column * step, middle - (row + 1) * step, step, step, shade))
    for degrees in (30, 60, 90):
        ring = Markup('<circle class="ring" cx="{0}" cy="{0}" r="{1:.1f}"/>')
        parts.append(ring.format(middle, radius * degrees / 90))
        text = Markup('<text class="tick" x="{:.1f}" y="{:.1f}">{}°</text>')
        parts.append(text.format(middle + 4, middle + radius * degrees / 90 - 5, degrees))
    for name, (right, up) in LABELS.items():
        anchor = {-1: "end", 0: "middle", 1: "start"}[right]
        x, y = middle + right * (radius + 7), middle - up * (radius + 14) + 5
        text = Markup('<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
        parts.append(text.format(x, y, anchor, name))
    for name, direction in marks.items():
        [[x, y]] = _azimuthal_projection(np.asarray(direction, np.float64)[None])
        dot = Markup('<circle class="target" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>')
        parts.append(dot.format(middle + x * radius, middle - y * radius, name))
    label = "map of the directions that light comes from, seen from the camera"
    return svg(SIDE, SIDE, label, parts, "chart map")


def _azimuthal_projection(directions: Array) -> Array:
    """Azimuthal equidistant projection of unit vectors (N, 3) to (N, 2): the distance from the centre is the angle from
    the camera, 1 at 90 degrees and beyond."""
    length = np.linalg.norm(directions[:, :2], axis=1)
    angle = np.degrees(np.arctan2(length, directions[:, 2]))
    return directions[:, :2] / np.maximum(length, 1e-9)[:, None] * np.minimum(angle / 90, 0.999)[:, None]


def _draw_threshold(area: PlotArea, value: float, name: str) -> Markup:
    x, top, bottom = area.x(value), area.y(area.y_range[1]), area.y(0.0)
    before = x > area.width / 2
    line = Markup('<line class="limit" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(x, top, bottom)
    text = Markup('<text class="limit" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return line + text.format(x + (-7 if before else 7), top + 14, "end" if before else "start", name)
