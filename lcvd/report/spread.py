"""What the clips are like: picture quality, where heads turn to, where light comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.head import rotations
from lcvd.ledger.rows import read_ledger
from lcvd.reconstruct.archive import Packs
from lcvd.render.sh import dominant_direction

Array = NDArray[Any]
CLIPS, FRAMES = 2000, 64
"""At most so many clips, evenly spaced, and so many frames of each are looked at."""


@dataclass(frozen=True)
class Spread:
    """Of N frames of `clips` clips: head turn to the picture's right `yaw` and up `pitch` (N,) in degrees, and unit
    vectors (N, 3) towards where most light comes from (x right, y up, z to the camera)."""

    clips: int
    yaw: Array
    pitch: Array
    light: Array


def quality_scores(data: Path) -> list[float]:
    """The picture-quality score of every clip that the filter scored, kept or not."""
    path = data / "filter" / "ledger.parquet"
    scores = [row.fields.get("quality") for row in read_ledger(path)] if path.exists() else []
    return [float(score) for score in scores if score is not None]


def spread(data: Path) -> Spread | None:
    """Pose and light of the reconstructed clips; None where there are none."""
    ledger = data / "reconstruct" / "ledger.parquet"
    ids = [row.id for row in read_ledger(ledger) if row.status == "kept"] if ledger.exists() else []
    if not ids:
        return None
    parts, packs = [], Packs(data / "reconstruct")
    for id in _evenly(ids, CLIPS):
        codes = packs.codes(id)
        codes = codes.window(_evenly(range(codes.frames), FRAMES))
        forward = rotations(codes.pose)[:, :, 2]
        parts.append((forward, dominant_direction(codes.light)))
    forward, light = (np.concatenate(part) for part in zip(*parts, strict=True))
    yaw = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    pitch = np.degrees(np.arcsin(np.clip(forward[:, 1], -1, 1)))
    return Spread(len(parts), yaw, pitch, light[light.any(axis=-1)])


def _evenly(items: Sequence[Any], count: int) -> list[Any]:
    """`count` of the items, evenly spaced; all of them where there are no more."""
    if len(items) <= count:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, count).round().astype(int)]
