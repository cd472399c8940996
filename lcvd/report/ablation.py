"""Plots of tables 4 and 5: each metric over the variants of an ablation, with the paper's own numbers in separate
panels."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from lcvd.cache.atomic import write_text_whole
from lcvd.evaluate.protocol import Protocol
from lcvd.metrics.registry import ordered

MEASURED, PUBLISHED = "#b4501a", "#5b6470"
PANEL_WIDTH, PANEL_HEIGHT = 2.6, 2.5
"""Size of a panel in inches."""
Panel = dict[str, tuple[float, tuple[float, float] | None]]
"""A metric's value and 95 % confidence interval, by variant."""


@dataclass(frozen=True)
class Ablation:
    """An ablation to plot: `variants` (title by name, in the protocol's order), and panels by metric."""

    title: str
    variants: dict[str, str]
    positions: tuple[float, ...]
    """Position of each variant on the x axis: its guidance or likeness if that varies, otherwise 0, 1, ..."""
    measured: dict[str, Panel]
    published: dict[str, Panel]

    @property
    def is_scale(self) -> bool:
        """Whether x is a numerical scale, so that points can be connected."""
        return self.positions != tuple(range(len(self.positions)))


def ablation_of(full: Mapping[str, Any]) -> Ablation | None:
    """The ablation in the content of a records.json; None if fewer than two variants were measured."""
    protocol, methods = Protocol.model_validate(full["protocol"]), full["methods"]
    names = [name for name in protocol.variants if name in methods]
    if len(names) < 2:
        return None
    measured: dict[str, Panel] = {}
    for name in names:
        for each in methods[name]["records"]:
            if each["value"] is not None:
                interval = tuple(each["interval"]) if each["interval"] else None
                measured.setdefault(each["name"], {})[name] = (each["value"], interval)
    published: dict[str, Panel] = {}
    for name in protocol.variants:
        for metric, value in protocol.published.get(name, {}).items():
            published.setdefault(metric, {})[name] = (value, None)
    variants = protocol.variants.values()
    scales = ([getattr(each, key) for each in variants] for key in ("guidance", "likeness"))
    varied = (scale for scale in scales if None not in scale and len(set(scale)) == len(scale))
    positions = tuple(next(varied, range(len(variants))))
    titles = {name: each.title for name, each in protocol.variants.items()}
    return Ablation(protocol.title, titles, positions, {name: measured[name] for name in ordered(measured)}, published)


def write_ablation(folder: Path, ablation: Ablation) -> None:
    """Write ``ablation.svg``, and ``ablation.csv`` for `dvc plots` and other plotting tools. Equal inputs give equal
    bytes."""
    write_text_whole(folder / "ablation.svg", svg_text(ablation))
    write_text_whole(folder / "ablation.csv", csv_text(ablation))


def csv_text(ablation: Ablation) -> str:
    """CSV with one line per metric and variant, measured or published; limits are empty if there is no interval."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["source", "metric", "variant", "x", "value", "low", "high"])
    positions = dict(zip(ablation.variants, ablation.positions, strict=True))
    for source, panels in (("measured", ablation.measured), ("published", ablation.published)):
        for metric, panel in panels.items():
            for name, (value, interval) in panel.items():
                writer.writerow([source, metric, name, positions[name], value, *(interval or ("", ""))])
    return stream.getvalue()


def svg_text(ablation: Ablation) -> str:
    """SVG with one panel per metric: measured ones above, the paper's below, each with its own y axis."""
    rows = [("measured here", ablation.measured, MEASURED), ("published", ablation.published, PUBLISHED)]
    rows = [row for row in rows if row[1]]
    columns = max(len(panels) for _, panels, _ in rows)
    figure = Figure(figsize=(PANEL_WIDTH * columns, PANEL_HEIGHT * len(rows) + 0.4), layout="constrained")
    figure.suptitle(ablation.title, fontsize=11)
    for row, (source, panels, colour) in enumerate(rows):
        for column, (metric, panel) in enumerate(panels.items()):
            axes = figure.add_subplot(len(rows), columns, row * columns + column + 1)
            _draw_panel(axes, ablation, panel, colour)
            axes.set_title(f"{metric}\n{source}", fontsize=8)
    stream = io.StringIO()
    # Without these options, matplotlib writes random ids and the date.
    with mpl.rc_context({"svg.hashsalt": "lcvd", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})
    return stream.getvalue()


def _draw_panel(axes: Axes, ablation: Ablation, panel: Panel, colour: str) -> None:
    positions = dict(zip(ablation.variants, ablation.positions, strict=True))
    x, y = [positions[name] for name in panel], [value for value, _ in panel.values()]
    axes.plot(x, y, "-o" if ablation.is_scale else "o", color=colour, markersize=4, linewidth=1.2)
    for position, (_, interval) in zip(x, panel.values(), strict=True):
        if interval:
            axes.plot([position, position], interval, color=colour, linewidth=3, alpha=0.3)
    axes.set_xticks(ablation.positions, list(ablation.variants.values()), fontsize=7)
    margin = 0.15 * (max(ablation.positions) - min(ablation.positions))
    axes.set_xlim(min(ablation.positions) - margin, max(ablation.positions) + margin)
    axes.tick_params(axis="y", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
