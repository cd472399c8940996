"""What a user study found, as columns of a protocol's table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcvd.metrics.user_study import QUESTIONS

Records = dict[str, dict[str, Any]]


def read_study(path: Path) -> dict[str, Any]:
    """The file that ``lcvd study results FOLDER --json`` printed.

    Raises:
        ValueError: it isn't such a file.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for numbers in found["methods"].values():
            for name in QUESTIONS:
                float(numbers[name]["value"]), int(numbers[name]["n"]), numbers[name]["interval"]
        note_of(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: not what `lcvd study results FOLDER --json` prints ({type(error).__name__}: {error})"
        ) from None
    return found


def merged(found: Mapping[str, Records], study: Mapping[str, Any]) -> dict[str, Records]:
    """Records by arm and metric, with what the study says of each method; methods that only raters saw are added."""
    both = {arm: dict(records) for arm, records in found.items()}
    for method, numbers in study["methods"].items():
        for name in QUESTIONS:
            value = {key: numbers[name][key] for key in ("value", "interval")}
            both.setdefault(method, {})[name] = {**value, "ratings": numbers[name]["n"], "notes": (), "missing": 0}
    return both


def note_of(study: Mapping[str, Any]) -> str:
    """On what the study's numbers stand."""
    alphas = ", ".join(f"{name} {_number(study['agreement'][name])}" for name in QUESTIONS)
    return (
        f"User columns are mean opinions from 1 to 5 of {study['raters']} raters over {study['shots']} shots; "
        f"agreement ({study['agreement_measure']}): {alphas}."
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
