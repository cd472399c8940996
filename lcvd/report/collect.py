"""Read what the stages left under ``data/`` into the plain values that the report's template shows."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.ledger.rows import Row, read_ledger
from lcvd.ledger.story import STAGES, last_rows
from lcvd.metrics.readings import ANGLE, LE, POSE, PSNR
from lcvd.metrics.registry import ARMS, metric_of, ordered
from lcvd.report.chart import Series

SHEETS = 24
"""At most so many contact sheets are shown, so that a report over thousands of clips can still be opened."""
FILMS = 8
"""At most so many test clips are shown as videos; the others' lie beside the report."""
LEFT_OUT = 200
"""At most so many clips that weren't kept are listed."""


NO_LOSS = ("lr", "grad_norm")
"""Curves that aren't losses."""


@dataclass(frozen=True)
class StageCount:
    """What one stage did with its clips."""

    stage: str
    kept: int
    filtered: int
    failed: int

    @property
    def total(self) -> int:
        """Clips that the stage saw."""
        return self.kept + self.filtered + self.failed


@dataclass(frozen=True)
class Cell:
    """A metric's value in one arm, as shown; `place` is where its mark stands on the row's axis, in percent."""

    arm: str
    title: str
    value: str
    interval: str
    place: float
    span: tuple[float, float] | None
    clips: int


def stage_counts(data: Path) -> list[StageCount]:
    """Counts of every stage that left a ledger."""
    found = []
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        if path.exists():
            rows = read_ledger(path)
            count = {status: sum(row.status == status for row in rows) for status in ("kept", "filtered", "failed")}
            found.append(StageCount(stage, **count))
    return found


def left_out(data: Path) -> list[tuple[str, Row]]:
    """(stage, row) of every clip whose last word isn't `kept`, in order of id."""
    return [(stage, row) for stage, row in last_rows(data).values() if row.status != "kept"]


def evaluation(data: Path) -> dict[str, Any]:
    """``evaluate/records.json``.

    Raises:
        FileNotFoundError: the model hasn't been evaluated.
    """
    path = data / "evaluate" / "records.json"
    if not path.exists():
        raise FileNotFoundError(f"{path}: nothing to report; run `dvc repro evaluate` first")
    return json.loads(path.read_text(encoding="utf-8"))


def faceless(records: dict[str, Any]) -> tuple[int, int]:
    """Generated frames without a face where the driving frame has one, and how many were looked at."""
    found = [each for each in records["arms"]["model"] if each["name"] == POSE]
    return (found[0]["missing"], found[0]["missing"] + found[0]["frames"]) if found else (0, 0)


def light_reached(records: dict[str, Any]) -> dict[str, Any]:
    """How near the generated clips come to the light asked for, beside clips that weren't relit.

    `error`, `angle` and `psnr` by arm (None where not measured), `closer`: whether the model's light error is less than
    the unrelit driving video's, and `share`: by what share of it in percent.
    """
    arms = {arm: {each["name"]: each["value"] for each in found} for arm, found in records["arms"].items()}
    names = {"error": LE, "angle": ANGLE, "psnr": PSNR}
    found: dict[str, Any] = {key: {arm: arms.get(arm, {}).get(name) for arm in ARMS} for key, name in names.items()}
    made, unlit = found["error"]["model"], found["error"]["driving"]
    known = made is not None and unlit is not None
    share = 100 * (1 - made / unlit) if known and unlit else 0.0
    return {**found, "known": known, "closer": share > 0, "share": abs(share)}


def curves(data: Path) -> list[Series]:
    """DVCLive's loss curves of the training run: the whole loss first, then its parts."""
    paths = sorted((data / "train" / "dvclive").rglob("*.tsv"), key=lambda path: (path.stem != "loss", path.as_posix()))
    found = [_series(path) for path in paths if path.stem not in NO_LOSS and "_noise_" not in path.stem]
    return [series for series in found if series is not None]


def training_start(data: Path) -> str:
    """What training started from, in words."""
    words = {"small": "fine-tuned from the small model that comes along", "svd-xt": "fine-tuned from SVD-XT"}
    return words.get(_training(data).get("start", ""), "trained from nothing")


def training_numbers(data: Path) -> list[tuple[str, str]]:
    """The numbers in ``train/metrics.json``, nested names joined; none where training left no such file."""
    found = _training(data)
    return [(name, f"{value:,}" if isinstance(value, int) else f"{value:.4g}") for name, value in _numbers(found)]


def _training(data: Path) -> dict[str, Any]:
    path = data / "train" / "metrics.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _numbers(value: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [item for key in value for item in _numbers(value[key], f"{name} {key}".strip().replace("_", " "))]
    return [(name, value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def metric_rows(records: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a metric: what it means, and its value in every arm that has one."""
    arms = {arm: {each["name"]: each for each in found} for arm, found in records["arms"].items()}
    rows = []
    for name in ordered(arms["model"]):
        metric = metric_of(name)
        found = {arm: arms[arm][name] for arm in ARMS if name in arms.get(arm, {})}
        rows.append({"metric": metric, "record": found["model"], "cells": _cells(found)})
    return rows


def _cells(found: dict[str, dict[str, Any]]) -> list[Cell]:
    edges = [edge for record in found.values() for edge in (record["value"], *(record["interval"] or ()))]
    numbers = [edge for edge in edges if edge is not None]
    low, high = min([0.0, *numbers]), max(numbers, default=1.0)
    scale = 100 / ((high - low) or 1.0)
    cells = []
    for arm, record in found.items():
        value, interval = record["value"], record["interval"]
        span = ((interval[0] - low) * scale, (interval[1] - interval[0]) * scale) if interval else None
        place = -1.0 if value is None else (value - low) * scale
        text = f"{number(interval[0])} to {number(interval[1])}" if interval else ""
        cells.append(Cell(arm, ARMS[arm][0], number(value), text, place, span, record["clips"]))
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
