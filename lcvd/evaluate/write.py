"""Write an evaluation's results: numbers for DVC, full records for the report, a table, plots."""

from __future__ import annotations

import csv
import json
import math
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lcvd.evaluate.record import Protocol, Record, clip_set, rounded
from lcvd.evaluate.summary import by_light, records
from lcvd.metrics.base import VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.light_error import ANGLE, LE_OPEN
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import ARMS, METRICS, ordered

Array = NDArray[Any]
TILE, LABEL = 192, 22
REPEATED = ("copy", "driving", "codec")
"""Arms whose one video is held against every light."""
ARROWS = {"lower": "↓", "higher": "↑", "reference": "→ driving"}


class HasResults(typing.Protocol):
    """Videos by arm, the driving frames' features by clip, and facts about the clips."""

    arms: dict[str, list[VideoScores]]
    real: dict[str, dict[str, FeatureSet]]
    clips: list[dict[str, Any]]


def write_results(out: Path, results: HasResults, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Write metrics.json, records.json, table.md and plots/ below `out`; returns what metrics.json holds.

    metrics.json is nested plain numbers: `metrics` (the model's), `intervals`, `baselines`, `lights`, `missing`,
    `clips`, `frames`. A number that couldn't be measured is left out there and null in records.json.
    """
    arms = {
        arm: records(videos, results.real, arm_protocol(arm, videos, results.clips, protocol), arm in REPEATED)
        for arm, videos in results.arms.items()
        if videos  # no clip may have a truth
    }
    plain, unlit = (_rounded(by_light(results.arms[arm])) for arm in ("model", "driving"))
    full = {
        "arms": {arm: [record.plain() for record in found] for arm, found in arms.items()},
        "clips": results.clips,
        "lights": plain,
        "lights_driving": unlit,
        "protocol": dict(protocol),
    }
    numbers = _numbers(arms, plain, len(results.clips), int(protocol["frames_scored"]))
    _json(out / "records.json", full)
    _json(out / "metrics.json", numbers)
    (out / "table.md").write_text(table(arms, protocol), encoding="utf-8")
    _plots(out / "plots", arms, plain, results.arms["model"])
    return numbers


def arm_protocol(
    arm: str, videos: Sequence[VideoScores], clips: Sequence[Mapping[str, Any]], protocol: Mapping[str, Any]
) -> Protocol:
    """How one arm's numbers were made; only the model's depend on how videos are generated."""
    ids = {video.clip for video in videos}
    generated = (
        f"{protocol['recipe']}, {protocol['steps']} steps, guidance {protocol['guidance']}, "
        f"likeness {protocol['likeness']}, {protocol['adapters']}"
    )
    return Protocol(
        clip_set=clip_set(ids),
        lights=tuple(protocol["lights"]),
        size=int(protocol["size"]),
        fps=tuple(sorted({float(clip["fps"]) for clip in clips if clip["id"] in ids})),
        seed=int(protocol["seed"]),
        made=generated if arm == "model" else "",
        sampling=f"the {protocol['frames']} frames after a clip's first, or as many as it has",
    )


def headline(numbers: Mapping[str, Any]) -> str:
    """Whether relighting brought the light nearer, in a line, from what `write_results` returns."""
    parts = []
    for name in (LE_OPEN.name, ANGLE.name, PSNR.name):
        made, unlit = (found.get(name) for found in (numbers["metrics"], numbers["baselines"]["driving"]))
        if made is not None and unlit is not None:
            parts.append(f"{name} {made:.3g} (unrelit input {unlit:.3g})")
    return ", ".join(parts)


def _rounded(lights: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {light: {name: rounded(value) for name, value in found.items()} for light, found in lights.items()}


def _numbers(
    arms: Mapping[str, Sequence[Record]], lights: Mapping[str, Mapping[str, float | None]], clips: int, frames: int
) -> dict[str, Any]:
    values = {arm: {each.name: rounded(each.value) for each in found} for arm, found in arms.items()}
    spans = {each.name: each.interval for each in arms["model"] if each.interval}
    return {
        "metrics": _known(values["model"]),
        "baselines": {arm: _known(found) for arm, found in values.items() if arm != "model"},
        "intervals": {n: {"low": rounded(span[0]), "high": rounded(span[1])} for n, span in spans.items()},
        "lights": {light: _known(found) for light, found in lights.items()},
        "missing": {each.name: each.missing for each in arms["model"] if each.missing},
        "clips": clips,
        "frames": frames,
    }


def table(arms: Mapping[str, Sequence[Record]], protocol: Mapping[str, Any]) -> str:
    """A Markdown table: a row a metric, a column an arm, intervals for the model."""
    values = {arm: {each.name: each for each in found} for arm, found in arms.items()}
    shown = [arm for arm in ARMS if values.get(arm)]
    lines = [
        f"{protocol['frames_scored']} generated frames of {protocol['size']} px, {len(protocol['lights'])} lights, "
        f"guidance {protocol['guidance']}, likeness {protocol['likeness']}, {protocol['steps']} steps, "
        f"after {protocol['train_steps']} training steps.",
        "",
        "| Metric | better | " + " | ".join(ARMS[arm][0] for arm in shown) + " |",
        "|---|---|" + "---:|" * len(shown),
    ]
    for name in ordered(name for found in values.values() for name in found):
        metric = METRICS.get(name)
        cells = [_cell(values[arm].get(name)) for arm in shown]
        lines.append(f"| {name} | {ARROWS[metric.direction]} | " + " | ".join(cells) + " |")
    if protocol["shared_identities"]:
        lines += ["", "Training and test share identities: the numbers don't tell how the model does on a new person."]
    lines += [f"\n{record.name}: {note}." for record in arms["model"] for note in record.notes]
    return "\n".join(lines) + "\n"


def _cell(record: Record | None) -> str:
    if record is None or not np.isfinite(record.value):
        return "–"
    span = f" [{record.interval[0]:.3g}, {record.interval[1]:.3g}]" if record.interval else ""
    missing = f" ({record.missing} frames without a face)" if record.missing else ""
    return f"{record.value:.3g}{span}{missing}"


def _plots(
    folder: Path,
    arms: Mapping[str, Sequence[Record]],
    lights: Mapping[str, Mapping[str, float | None]],
    videos: Sequence[VideoScores],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(next(iter(lights.values())))
    _csv(folder / "lights.csv", ["light", *names], ([light, *found.values()] for light, found in lights.items()))
    series = list(dict.fromkeys(name for video in videos for name in video.per_frame))
    rows = (row for video in videos for row in _frames(video, series))
    _csv(folder / "frames.csv", ["clip", "light", "frame", *series], rows)
    _bars(folder / "metrics.png", arms)


def _frames(video: VideoScores, series: Sequence[str]) -> list[list[Any]]:
    columns = [[rounded(float(value)) for value in video.per_frame[name]] for name in series]
    return [[video.clip, video.light, t, *row] for t, row in enumerate(zip(*columns, strict=True), 1)]


def _bars(path: Path, arms: Mapping[str, Sequence[Record]]) -> None:
    """One panel a metric, one bar an arm, the model's interval as a whisker."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    known = {record.name for found in arms.values() for record in found}
    shown = {name: METRICS.get(name) for name in ordered(known)}
    panels = figure.subplots(2, math.ceil(len(shown) / 2), squeeze=False).ravel()
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    for panel, (name, metric) in zip(panels, shown.items(), strict=False):
        found = [(arm, record) for arm in ARMS for record in arms.get(arm, ()) if record.name == name]
        bars = [(arm, record) for arm, record in found if np.isfinite(record.value)][::-1]
        colours = ["#b4501a" if arm == "model" else "#b9c0ca" for arm, _ in bars]
        panel.barh([ARMS[arm][0] for arm, _ in bars], [record.value for _, record in bars], color=colours)
        for row, (_, record) in enumerate(bars):
            if record.interval:
                panel.plot(record.interval, [row, row], color="#1d2229", linewidth=1.2)
        panel.set_title(f"{name} {ARROWS[metric.direction]}", fontsize=10)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def sample_sheet(path: Path, reference: Array, driving: Array, stills: Mapping[str, tuple[Array, Array]]) -> None:
    """A PNG of one moment: reference above driving frame, then hint above result for every light; uint8 (S, S, 3)."""
    columns = [("reference | driving", reference, driving), *((name, *pair) for name, pair in stills.items())]
    sheet = Image.new("RGB", (TILE * len(columns), LABEL + 2 * TILE), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, above, below) in enumerate(columns):
        pen.text((number * TILE + 6, 5), name, fill="black")
        for row, picture in enumerate((above, below)):
            tile = Image.fromarray(np.ascontiguousarray(picture)).resize((TILE, TILE), Image.Resampling.BICUBIC)
            sheet.paste(tile, (number * TILE, LABEL + row * TILE))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def _csv(path: Path, header: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
