"""Read the outputs of the stages under ``data/`` as plain values for the report's template."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.errors import MissingFile
from lcvd.evaluate import records_file
from lcvd.evaluate.methods.registry import DRIVING, METHODS, OURS
from lcvd.ledger.rows import Row, read_ledger
from lcvd.ledger.story import STAGES, last_rows
from lcvd.metrics.landmarks import POSE_OPEN
from lcvd.metrics.light_error import ANGLE, LE_OPEN
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import METRICS, ordered
from lcvd.report.chart import Series

MAX_SHEETS = 24
"""Maximum number of contact sheets in the report, which must stay small enough to open."""
MAX_VIDEOS = 8
"""Maximum number of test clips shown as videos; the other videos are only in ``data/evaluate/videos``."""
MAX_DROPPED = 200
"""Maximum number of dropped clips that are listed."""


NOT_LOSSES = ("lr", "grad_norm")
"""Logged curves that are not losses."""


@dataclass(frozen=True)
class StageCount:
    """Number of clips that a stage kept, filtered and failed on."""

    stage: str
    kept: int
    filtered: int
    failed: int

    @property
    def total(self) -> int:
        """Number of clips the stage processed."""
        return self.kept + self.filtered + self.failed


@dataclass(frozen=True)
class Cell:
    """A metric's value by one method, formatted; `position` is that of its mark on the row's axis, in percent."""

    method: str
    title: str
    value: str
    interval: str
    position: float
    span: tuple[float, float] | None
    clips: int


def stage_counts(data: Path) -> list[StageCount]:
    """Counts of every stage that has a ledger."""
    found = []
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        if path.exists():
            count = Counter(row.status for row in read_ledger(path))
            found.append(StageCount(stage, count["kept"], count["filtered"], count["failed"]))
    return found


def dropped_clips(data: Path) -> list[tuple[str, Row]]:
    """(stage, row) of every clip that was not kept, sorted by id."""
    return [(stage, row) for stage, row in last_rows(data).values() if row.status != "kept"]


def read_records(data: Path) -> dict[str, Any]:
    """Read ``evaluate/records.json``.

    Raises:
        FileNotFoundError: the model has not been evaluated.
    """
    path = data / "evaluate" / "records.json"
    if not path.exists():
        raise MissingFile(f"{path} does not exist; run `dvc repro evaluate` first")
    return records_file.read_records(path)


def run_of(records: dict[str, Any]) -> dict[str, Any]:
    """Circumstances of the run: protocol, the model's facts, training, filter and number of frames measured."""
    protocol, clips = records["protocol"], records["inputs"]
    frames = sum(clip["frames"] for clip in clips) * len(protocol["lights"])
    return {**protocol, **records["methods"][OURS]["facts"], **records["run"], "frames_scored": frames}


def frames_without_face(records: dict[str, Any]) -> tuple[int, int]:
    """Number of generated frames without a face although the driving frame has one, and number of frames examined."""
    found = [each for each in records["methods"][OURS]["records"] if each["name"] == POSE_OPEN.name]
    return (found[0]["missing"], found[0]["missing"] + found[0]["frames"]) if found else (0, 0)


def relighting_result(records: dict[str, Any]) -> dict[str, Any]:
    """Light accuracy of the generated clips compared with unmodified clips.

    Returns:
        `error`, `angle` and `psnr` by method (None if not measured); `known`: whether the light errors were measured;
            `closer`: whether the model's light error is below the unmodified driving video's; `share`: the relative
            difference in percent.
    """
    values = {method: records_file.values_of(records, method) for method in METHODS}
    names = {"error": LE_OPEN.name, "angle": ANGLE.name, "psnr": PSNR.name}
    found: dict[str, Any] = {key: {m: each.get(name) for m, each in values.items()} for key, name in names.items()}
    relit, unrelit = found["error"][OURS], found["error"][DRIVING]
    known = relit is not None and unrelit is not None
    share = 100 * (1 - relit / unrelit) if known and unrelit else 0.0
    return {**found, "known": known, "closer": share > 0, "share": abs(share)}


def curves(data: Path) -> list[Series]:
    """Loss curves of the training run, logged by DVCLive: the total loss first, then its parts."""
    paths = sorted((data / "train" / "dvclive").rglob("*.tsv"), key=lambda path: (path.stem != "loss", path.as_posix()))
    found = [_series(path) for path in paths if path.stem not in NOT_LOSSES and "_noise_" not in path.stem]
    return [series for series in found if series is not None]


def training_start(data: Path) -> str:
    """How training was initialised, as a phrase."""
    words = {"small": "fine-tuned from the included small model", "svd-xt": "fine-tuned from SVD-XT"}
    return words.get(_training(data).get("start", ""), "trained from scratch")


def training_numbers(data: Path) -> list[tuple[str, str]]:
    """The numbers in ``train/metrics.json`` with nested names joined; empty if the file does not exist."""
    found = _numbers(_training(data))
    return [(name, f"{value:,}" if isinstance(value, int) else f"{value:.4g}") for name, value in found]


def _training(data: Path) -> dict[str, Any]:
    path = data / "train" / "metrics.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _numbers(value: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [item for key in value for item in _numbers(value[key], f"{name} {key}".strip().replace("_", " "))]
    return [(name, value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def metric_rows(records: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per metric: its meaning, and its value by every method that has one, the model first."""
    methods = {OURS: records["methods"][OURS], **records["methods"]}
    titles = {method: each["title"] for method, each in methods.items()}
    values = {method: {each["name"]: each for each in found["records"]} for method, found in methods.items()}
    rows = []
    for name in ordered(values[OURS]):
        found = {method: each[name] for method, each in values.items() if name in each}
        rows.append({"metric": METRICS.get(name), "record": found[OURS], "cells": _cells(found, titles)})
    return rows


def _cells(found: dict[str, dict[str, Any]], titles: dict[str, str]) -> list[Cell]:
    edges = [edge for record in found.values() for edge in (record["value"], *(record["interval"] or ()))]
    numbers = [edge for edge in edges if edge is not None]
    low, high = min([0.0, *numbers]), max(numbers, default=1.0)
    scale = 100 / ((high - low) or 1.0)
    cells = []
    for method, record in found.items():
        value, interval = record["value"], record["interval"]
        span = ((interval[0] - low) * scale, (interval[1] - interval[0]) * scale) if interval else None
        position = -1.0 if value is None else (value - low) * scale
        text = f"{number(interval[0])} to {number(interval[1])}" if interval else ""
        cells.append(Cell(method, titles[method], number(value), text, position, span, record["clips"]))
    return cells


def number(value: float | None) -> str:
    """A value with three significant digits, or a dash."""
    if value is None:
        return "–"
    if abs(value) < 1e-6:
        return "0"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def _series(path: Path) -> Series | None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows:
        return None
    column = next(key for key in rows[0] if key != "step")
    x, y = (np.array([float(row[key]) for row in rows]) for key in ("step", column))
    return Series(path.stem, x, y)
