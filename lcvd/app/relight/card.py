"""What the page says of its model: facts of the model itself, its card, and the numbers that lie beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcvd.errors import FileError
from lcvd.model.hub import SMALL, find_model

if TYPE_CHECKING:
    from lcvd.relighting.generate import Model

CARD, NUMBERS = "README.md", "metrics.json"
LIGHT = (
    "A light is nine numbers a colour (second-order spherical harmonics): broad light and shade, without cast shadows, sharp "
    "highlights or light that falls on a part of the face. A hard lamp comes out softer than you set it."
)
CONSENT = "Use portraits of people who agreed. Videos are marked as AI-generated in their metadata and in the file beside them."


@dataclass(frozen=True)
class About:
    """`can` and `cannot`: sentences; `numbers`: names and values; `card`: the model card's text, may be empty."""

    name: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...] = ()
    card: str = ""


def about(model: Model, checkpoint: str) -> About:
    """What to say of a model that was loaded from `checkpoint`: a folder, ``small`` or a hub's name.

    Its card is README.md in the folder; numbers are those of metrics.json in it, or beside it as training leaves them.

    Raises:
        FileError: a metrics.json is no JSON.
    """
    config, folder = model.pipe.config, find_model(SMALL) if checkpoint == SMALL else Path(checkpoint)
    size = config.size
    can = [f"Makes {size} × {size} pixels, {config.frames} frames at a time; clips of any length, window by window."]
    cannot = [
        f"Detail finer than {size} pixels across the head and shoulders is lost, however large the portrait is.",
        LIGHT,
    ]
    has = model.pipe.model.adapters
    if "shading" in has and "reference" in has:
        can.append(
            "Is given light and pose by the hint, and looks by the portrait; how well it follows, its numbers tell."
        )
    if "shading" not in has:
        cannot.append("It has no shading adapter: it follows neither the light nor the pose.")
    if "reference" not in has:
        cannot.append("It has no reference adapter: it doesn't know the portrait's looks.")
    numbers = _numbers(folder)
    if not numbers:
        cannot.append(f"No {NUMBERS} lies beside it: how well it keeps a likeness or follows a light isn't known here.")
    card = folder / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    return About(model.name, tuple(can), (*cannot, CONSENT), numbers, text)


def _numbers(folder: Path) -> tuple[tuple[str, str], ...]:
    """Numbers of the metrics beside a model, nested names joined."""
    for path in (folder / NUMBERS, folder.resolve().parent / NUMBERS):
        if path.is_file():
            try:
                return tuple(_flat(json.loads(path.read_text(encoding="utf-8")), ""))
            except ValueError as error:
                raise FileError(f"{path}: no JSON: {error}; repair the file or take it away") from None
    return ()


def _flat(values: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _flat(value, f"{name}, {key}" if name else str(key))
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield name.replace("_", " "), f"{values:,.4g}" if isinstance(values, float) else f"{values:,}"
