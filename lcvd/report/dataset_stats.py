"""Statistics of the dataset: image quality, head poses and light directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.face.head import rotations
from lcvd.ledger.rows import read_ledger
from lcvd.reconstruct.archive import Packs
from lcvd.render.sh import dominant_direction

MAX_CLIPS, MAX_FRAMES = 2000, 64
"""Maximum number of clips, evenly spaced, and of frames per clip that are evaluated."""


@dataclass(frozen=True)
class DatasetStats:
    """Statistics of N frames of `clips` clips: head pose in degrees, `yaw` (positive to the right of the image) and
    `pitch` (positive upwards), (N,) each, and unit vectors (M, 3) to the dominant light (x right, y up, z towards the
    camera; frames without a dominant light are omitted)."""

    clips: int
    yaw: Array
    pitch: Array
    light: Array


def quality_scores(data: Path) -> list[float]:
    """The image-quality score of every clip that was scored by the filter, kept or not."""
    path = data / "filter" / "ledger.parquet"
    scores = [row.fields.get("quality") for row in read_ledger(path)] if path.exists() else []
    return [float(score) for score in scores if score is not None]


def dataset_stats(data: Path) -> DatasetStats | None:
    """Poses and lights of the reconstructed clips; None if there are none."""
    ledger = data / "reconstruct" / "ledger.parquet"
    ids = [row.id for row in read_ledger(ledger) if row.status == "kept"] if ledger.exists() else []
    if not ids:
        return None
    parts, packs = [], Packs(data / "reconstruct")
    for id in _evenly_spaced(ids, MAX_CLIPS):
        codes = packs.codes(id)
        codes = codes.window(_evenly_spaced(range(codes.frames), MAX_FRAMES))
        forward = rotations(codes.pose)[:, :, 2]
        parts.append((forward, dominant_direction(codes.light)))
    forward, light = (np.concatenate(part) for part in zip(*parts, strict=True))
    yaw = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    pitch = np.degrees(np.arcsin(np.clip(forward[:, 1], -1, 1)))
    return DatasetStats(len(parts), yaw, pitch, light[light.any(axis=-1)])


def _evenly_spaced(items: Sequence[Any], count: int) -> list[Any]:
    """`count` evenly spaced items, or all of them if there are fewer."""
    if len(items) <= count:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]
