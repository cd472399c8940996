"""From measurements to a verdict: thresholds only, so that changing one measures nothing again."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from lcvd.config.settings import FilterThresholds
from lcvd.ledger.rows import Row, filtered, kept
from lcvd.quality.analyse import Analysis


@dataclass(frozen=True)
class _Check:
    """One reason to leave a clip out: what was measured, the threshold, and a sentence."""

    reason: str
    holds: bool
    score: float
    threshold: float
    detail: str


def decide(id: str, analysis: Analysis, limits: FilterThresholds) -> Row:
    """Keep the clip, or filter it for the first reason that holds, in the order of `_checks`.

    A filtered row's score is what that reason measured and ``fields["threshold"]`` its threshold; a kept row's score is
    the picture quality. All measurements are in ``fields``.
    """
    fields = dataclasses.asdict(analysis) | {"shot": list(analysis.shot)}
    for check in _checks(analysis, limits):
        if check.holds:
            return filtered(id, check.reason, check.detail, check.score, threshold=check.threshold, **fields)
    return kept(id, analysis.quality, **fields)


def _checks(found: Analysis, limits: FilterThresholds) -> list[_Check]:
    frames = found.shot[1] - found.shot[0]
    cut = frames < found.frames and found.frames >= limits.min_frames
    where = f"in its longest shot (of {found.frames})" if cut else "in all"
    quality = found.quality or 0.0
    share = limits.min_face_share
    return [
        _Check("cut" if cut else "too_short", frames < limits.min_frames, frames, limits.min_frames,
               f"{frames} frames {where}, {limits.min_frames} needed"),
        _Check("no_face", found.face_px == 0, found.face_share, share, "no face in any frame"),
        _Check("several_faces", found.many_share > 1 - share, found.many_share, 1 - share,
               f"{found.many_share:.1%} of frames show more than one face, at most {1 - share:.1%} admitted"),
        _Check("face_lost", found.face_share < share, found.face_share, share,
               f"one face in {found.face_share:.1%} of frames, {share:.1%} needed"),
        _Check("face_jumps", found.jump > limits.max_jump, found.jump, limits.max_jump,
               f"the face jumps by {found.jump:.2f} of its size, at most {limits.max_jump:g} admitted"),
        _Check("face_small", found.face_px < limits.min_face_px, found.face_px, limits.min_face_px,
               f"the face is {found.face_px:.0f} px, {limits.min_face_px:g} needed"),
        _Check("blurred", found.sharpness < limits.min_sharpness, found.sharpness, limits.min_sharpness,
               f"sharpness {found.sharpness:.1f}, {limits.min_sharpness:g} needed"),
        _Check("low_quality", quality > limits.max_piqe, quality, limits.max_piqe,
               f"PIQE {quality:.1f}, at most {limits.max_piqe:g} admitted"),
    ]  # fmt: skip
