"""Facts about the model for the page: properties of the model, its model card, and its metrics."""

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
    "A light is nine numbers per colour channel (second-order spherical harmonics): smooth shading without cast shadows, sharp "
    "highlights or light on only a part of the face. A hard lamp looks softer than you set it."
)
CONSENT = (
    "Use portraits of people who agreed. Videos are marked as AI-generated in their metadata and in the JSON file."
)


@dataclass(frozen=True)
class About:
    """`can` and `cannot`: sentences; `numbers`: pairs of name and value; `card`: text of the model card, may be empty."""

    name: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...] = ()
    card: str = ""


def about(model: Model, checkpoint: str) -> About:
    """Describe a model that was loaded from `checkpoint`: a folder, ``small`` or a name on a hub.

    The card is README.md in the model's folder. The numbers are those of metrics.json in that folder, or in the folder above,
    where training writes them.

    Raises:
        FileError: metrics.json is not valid JSON.
    """
    config, folder = model.pipe.config, find_model(SMALL) if checkpoint == SMALL else Path(checkpoint)
    size = config.size
    can = [f"It makes videos of {size} × {size} pixels and any length, {config.frames} frames at a time."]
    cannot = [
        f"Head and shoulders have {size} pixels across; finer detail of the portrait is lost.",
        LIGHT,
    ]
    has = model.pipe.model.adapters
    if "shading" in has and "reference" in has:
        can.append("It takes light and pose from the hint, and appearance from the portrait.")
    if "shading" not in has:
        cannot.append("It has no shading adapter: it ignores light and pose.")
    if "reference" not in has:
        cannot.append("It has no reference adapter: it ignores the portrait's appearance.")
    numbers = _numbers(folder)
    if not numbers:
        cannot.append(f"It has no {NUMBERS}: how well it preserves the likeness and follows the light is unknown.")
    card = folder / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    return About(model.name, tuple(can), (*cannot, CONSENT), numbers, text)


def _numbers(folder: Path) -> tuple[tuple[str, str], ...]:
    """Numbers in the model's metrics.json; nested names are joined."""
    for path in (folder / NUMBERS, folder.resolve().parent / NUMBERS):
        if path.is_file():
            try:
                return tuple(_flat(json.loads(path.read_text(encoding="utf-8")), ""))
            except ValueError as error:
                raise FileError(f"{path}: not valid JSON: {error}; repair or delete the file") from None
    return ()


def _flat(values: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _flat(value, f"{name}, {key}" if name else str(key))
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield name.replace("_", " "), f"{values:,.4g}" if isinstance(values, float) else f"{values:,}"
