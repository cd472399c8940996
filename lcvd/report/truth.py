"""What `reconstruct` found in studio clips beside what these clips truly show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.filter.stage import kept_clips
from lcvd.ledger.rows import read_ledger
from lcvd.reconstruct.archive import MASK, Packs
from lcvd.studio.compare import errors
from lcvd.video.clip import Clip
from lcvd.video.encode import read_lossless

ROWS = 24
"""At most so many clips are compared, in order of id."""


@dataclass(frozen=True)
class Error:
    """One column: its title, unit and meaning; which way is better follows from the meaning."""

    key: str
    title: str
    unit: str
    meaning: str


ERRORS = (
    Error("pose_deg", "Head pose", "°", "angle between the head's true turn and the one found; 0 is best"),
    Error("light_deg", "Light direction", "°", "angle between the true main direction of light and the one found; 0 is best"),
    Error("coefficient", "SH coefficients", "", "error of the 27 numbers of the light, relative to their size; 0 is best"),
    Error("mask_iou", "Mask IoU", "", "overlap of the true portrait and the one found; 1 is best"),
    Error("landmark", "Landmarks", "", "distance of facial landmarks in distances between the eyes; 0 is best"),
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """Medians over the frames of each clip with a truth, over all their frames together, and the clips without one."""

    rows: list[tuple[str, int, dict[str, float]]]
    total: dict[str, float]
    without: list[str]
    more: int
    """Clips with a truth beyond `ROWS`, not compared."""


def compared(data: Path) -> Compared | None:
    """Compare every reconstructed clip that has a truth; None where none has.

    The truth of a clip is in ``download/truth/<first 32 of its media's sha256>``, as stage `download` leaves it.
    """
    ledger = data / "reconstruct" / "ledger.parquet"
    if not ledger.exists():
        return None
    done, packs = {row.id for row in read_ledger(ledger) if row.status == "kept"}, Packs(data / "reconstruct")
    clips = [clip for clip in kept_clips(data / "download", data / "filter") if clip.id in done]
    known = [clip for clip in clips if _truth(data, clip).exists()]
    if not known:
        return None
    found = [(clip.id, _errors(packs, _truth(data, clip), clip)) for clip in known[:ROWS]]
    rows = [(id, len(each["pose_deg"]), _medians(each)) for id, each in found]
    together = {key: np.concatenate([each[key] for _, each in found]) for key in found[0][1]}
    without = [clip.id for clip in clips if clip not in known]
    return Compared(rows, _medians(together), without, len(known) - len(rows))


def _errors(packs: Packs, truth: Path, clip: Clip) -> dict[str, NDArray[Any]]:
    found = packs.codes(clip.id)
    frames = range(clip.start, clip.start + found.frames)
    masks = read_lossless(packs.part(clip.id, MASK))
    true_codes = FaceCodes.load(truth / "codes.safetensors").window(frames)
    return errors(found, true_codes, masks, read_lossless(truth / "mask.mkv", frames))


def _medians(values: dict[str, NDArray[Any]]) -> dict[str, float]:
    return {key: float(np.median(each)) for key, each in values.items()}


def _truth(data: Path, clip: Clip) -> Path:
    return data / "download" / "truth" / clip.sha256[:32]
