"""Results of a user study as columns of a protocol's table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcvd.errors import FileError
from lcvd.metrics.user_study import QUESTIONS

Records = dict[str, dict[str, Any]]


def read_study(path: Path) -> dict[str, Any]:
    """Read the output of ``lcvd study results FOLDER --json``.

    Raises:
        ValueError: the file has another format.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for numbers in found["methods"].values():
            for name in QUESTIONS:
                float(numbers[name]["value"]), int(numbers[name]["n"]), numbers[name]["interval"]
        study_note(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found_instead = f"{type(error).__name__}: {error}"
        raise FileError(
            f"{path}: expected the output of `lcvd study results FOLDER --json` ({found_instead})"
        ) from None
    return found


def merge_study(found: Mapping[str, Records], study: Mapping[str, Any] | None) -> dict[str, Records]:
    """Records by method and metric, extended by the study's results; methods that only raters saw are added."""
    both = {method: dict(records) for method, records in found.items()}
    for method, numbers in study["methods"].items() if study else ():
        for name in QUESTIONS:
            value = {key: numbers[name][key] for key in ("value", "interval")}
            both.setdefault(method, {})[name] = {**value, "ratings": numbers[name]["n"], "notes": (), "missing": 0}
    return both


def study_note(study: Mapping[str, Any]) -> str:
    """Size of the study and agreement of its raters, as a sentence."""
    return (
        f"User columns are mean opinion scores from 1 to 5 by {study['raters']} raters on {study['shots']} shots; "
        f"agreement ({study['agreement_measure']}): {agreement(study)}."
    )


def agreement(study: Mapping[str, Any]) -> str:
    """The raters' agreement by question, as text."""
    alphas = study["agreement"]
    return ", ".join(f"{name} {'unknown' if alphas[name] is None else f'{alphas[name]:.2f}'}" for name in QUESTIONS)
