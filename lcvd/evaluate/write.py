"""Write the outputs of stage `evaluate` besides its records: metrics.json for DVC, and plots."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.evaluate.methods.registry import DRIVING, OURS
from lcvd.evaluate.record import rounded
from lcvd.evaluate.records_file import values_of
from lcvd.metrics.base import VideoScores
from lcvd.metrics.light_error import ANGLE, LE_OPEN
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import METRICS, ordered

ARROWS = {"lower": "↓", "higher": "↑", "reference": "→ input"}
KEYS = {"sh-ratio": "ratio"}
"""Methods whose key in metrics.json isn't their name: `dvc metrics diff` compares by key, and older commits have these."""


def write_numbers(out: Path, full: Mapping[str, Any], videos: Sequence[VideoScores]) -> dict[str, Any]:
    """Write metrics.json and plots/ below `out`; returns the content of metrics.json.

    metrics.json has numbers only: `metrics` (the model's), `intervals`, `baselines`, `lights`, `missing`, `clips`,
    `frames`. A number that couldn't be measured is left out there and null in records.json.

    Args:
        out: a folder.
        full: the content of records.json.
        videos: the model's videos, for the plots per frame.
    """
    ours, lights = full["methods"][OURS]["records"], full["methods"][OURS]["lights"]
    numbers = {
        "metrics": _known(values_of(full, OURS)),
        "baselines": {KEYS.get(name, name): _known(values_of(full, name)) for name in full["methods"] if name != OURS},
        "intervals": {
            each["name"]: dict(zip(("low", "high"), each["interval"], strict=True)) for each in ours if each["interval"]
        },
        "lights": {light: _known(found) for light, found in lights.items()},
        "missing": {each["name"]: each["missing"] for each in ours if each["missing"]},
        "clips": len(full["inputs"]),
        "frames": sum(video.frames for video in videos),
    }
    write_text_whole(out / "metrics.json", json.dumps(numbers, indent=2, sort_keys=True, allow_nan=False) + "\n")
    plots = out / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    names = list(next(iter(lights.values())))
    _csv(plots / "lights.csv", ["light", *names], ([light, *found.values()] for light, found in lights.items()))
    series = list(dict.fromkeys(name for video in videos for name in video.per_frame))
    rows = (row for video in videos for row in _frames(video, series))
    _csv(plots / "frames.csv", ["clip", "light", "frame", *series], rows)
    _bars(plots / "metrics.png", full["methods"])
    return numbers


def headline(numbers: Mapping[str, Any]) -> str:
    """One line with the light's accuracy, compared with the unmodified input's, from the content of metrics.json."""
    parts = []
    for name in (LE_OPEN.name, ANGLE.name, PSNR.name):
        made, unlit = (found.get(name) for found in (numbers["metrics"], numbers["baselines"][DRIVING]))
        if made is not None and unlit is not None:
            parts.append(f"{name} {made:.3g} (unrelit input {unlit:.3g})")
    return ", ".join(parts)


def _frames(video: VideoScores, series: Sequence[str]) -> list[list[Any]]:
    columns = [[rounded(float(value)) for value in video.per_frame[name]] for name in series]
    return [[video.clip, video.light, t, *row] for t, row in enumerate(zip(*columns, strict=True), 1)]


def _bars(path: Path, methods: Mapping[str, Mapping[str, Any]]) -> None:
    """One panel per metric, one bar per method, the 95 % interval as a whisker."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    shown = ordered({record["name"] for method in methods.values() for record in method["records"]})
    panels = figure.subplots(2, math.ceil(len(shown) / 2), squeeze=False).ravel()
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    for panel, metric in zip(panels, shown, strict=False):
        found = {
            name: record for name, each in methods.items() for record in each["records"] if record["name"] == metric
        }
        bars = [(name, record) for name, record in found.items() if record["value"] is not None][::-1]
        colours = ["#b4501a" if name == OURS else "#b9c0ca" for name, _ in bars]
        panel.barh([methods[name]["title"] for name, _ in bars], [record["value"] for _, record in bars], color=colours)
        for row, (_, record) in enumerate(bars):
            if record["interval"]:
                panel.plot(record["interval"], [row, row], color="#1d2229", linewidth=1.2)
        panel.set_title(f"{metric} {ARROWS[METRICS.get(metric).direction]}", fontsize=10)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _csv(path: Path, header: list[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
