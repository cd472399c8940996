"""Comparison of the output of `reconstruct` with the ground truth of studio clips."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.filter.stage import kept_clips
from lcvd.ledger.rows import read_ledger
from lcvd.reconstruct.archive import MASK, Packs
from lcvd.studio.compare import errors
from lcvd.video.clip import Clip
from lcvd.video.encode import read_lossless

MAX_CLIPS = 24
"""Maximum number of clips that are compared, in order of id."""


@dataclass(frozen=True)
class Error:
    """One column of the comparison: key, title, unit and meaning, which includes the better direction."""

    key: str
    title: str
    unit: str
    meaning: str


ERRORS = (
    Error("pose_deg", "Head pose", "°", "angle between true and estimated head pose; 0 is best"),
    Error("light_deg", "Light direction", "°", "angle between the true and the estimated dominant light direction; 0 is best"),
    Error("coefficient", "SH coefficients", "", "relative error of the 27 SH coefficients; 0 is best"),
    Error("mask_iou", "Mask IoU", "", "intersection over union of true and estimated portrait mask; 1 is best"),
    Error("landmark", "Landmarks", "", "landmark error as a fraction of the distance between the outer eye corners; 0 is best"),
)  # fmt: skip


@dataclass(frozen=True)
class TruthComparison:
    """Medians over the frames of each clip with ground truth, medians over all their frames, and the clips without
    ground truth."""

    rows: list[tuple[str, int, dict[str, float]]]
    total: dict[str, float]
    without: list[str]
    more: int
    """Number of further clips with ground truth that were not compared."""


def compare_with_truth(data: Path) -> TruthComparison | None:
    """Compare every reconstructed clip that has ground truth; None if none has.

    The ground truth of a clip is in ``download/truth/<first 32 digits of its media's SHA-256>``, written by stage
    `download`.
    """
    ledger = data / "reconstruct" / "ledger.parquet"
    if not ledger.exists():
        return None
    reconstructed, packs = {row.id for row in read_ledger(ledger) if row.status == "kept"}, Packs(data / "reconstruct")
    clips = [clip for clip in kept_clips(data / "download", data / "filter") if clip.id in reconstructed]
    with_truth = [clip for clip in clips if _truth(data, clip).exists()]
    if not with_truth:
        return None
    estimated = [(clip.id, _errors(packs, _truth(data, clip), clip)) for clip in with_truth[:MAX_CLIPS]]
    rows = [(id, len(each["pose_deg"]), _medians(each)) for id, each in estimated]
    all_frames = {key: np.concatenate([each[key] for _, each in estimated]) for key in estimated[0][1]}
    without = [clip.id for clip in clips if clip not in with_truth]
    return TruthComparison(rows, _medians(all_frames), without, len(with_truth) - len(rows))


def _errors(packs: Packs, truth: Path, clip: Clip) -> dict[str, Array]:
    estimated = packs.codes(clip.id)
    frames = range(clip.start, clip.start + estimated.frames)
    masks = read_lossless(packs.part(clip.id, MASK))
    true_codes = FaceCodes.load(truth / "codes.safetensors").window(frames)
    return errors(estimated, true_codes, masks, read_lossless(truth / "mask.mkv", frames))


def _medians(values: dict[str, Array]) -> dict[str, float]:
    return {key: float(np.median(each)) for key, each in values.items()}


def _truth(data: Path, clip: Clip) -> Path:
    return data / "download" / "truth" / clip.sha256[:32]
