"""From measurements to a verdict: thresholds only, so that changing one measures nothing again."""

from __future__ import annotations

import dataclasses

from lcvd.config.settings import FilterThresholds
from lcvd.ledger.rows import Row, filtered, kept
from lcvd.quality.analyse import Analysis


def decide(id: str, analysis: Analysis, limits: FilterThresholds) -> Row:
    """Keep the clip, or filter it for the first reason that holds, in a fixed order; the row's score is that reason's."""
    frames = analysis.shot[1] - analysis.shot[0]
    fields = dataclasses.asdict(analysis) | {"shot": list(analysis.shot)}
    cut = frames < analysis.frames
    checks: list[tuple[str, bool, float, str]] = [
        ("cut" if cut and analysis.frames >= limits.min_frames else "too_short", frames < limits.min_frames, frames,
         f"{frames} frames in its longest shot, {limits.min_frames} needed"),
        ("no_face", analysis.face_px == 0, analysis.face_share, "no face in any frame"),
        ("several_faces", analysis.many_share > 1 - limits.min_face_share, analysis.many_share,
         f"{analysis.many_share:.0%} of frames show more than one face"),
        ("face_lost", analysis.face_share < limits.min_face_share, analysis.face_share,
         f"one face in {analysis.face_share:.1%} of frames, {limits.min_face_share:.1%} needed"),
        ("face_jumps", analysis.jump > limits.max_jump, analysis.jump,
         f"the face jumps by {analysis.jump:.2f} of its size, at most {limits.max_jump} admitted"),
        ("face_small", analysis.face_px < limits.min_face_px, analysis.face_px,
         f"the face is {analysis.face_px:.0f} px, {limits.min_face_px:.0f} needed"),
        ("blurred", analysis.sharpness < limits.min_sharpness, analysis.sharpness,
         f"sharpness {analysis.sharpness:.1f}, {limits.min_sharpness:g} needed"),
        ("low_quality", analysis.quality is not None and analysis.quality > limits.max_piqe, analysis.quality or 0.0,
         f"PIQE {analysis.quality or 0:.1f}, at most {limits.max_piqe:g} admitted"),
    ]  # fmt: skip
    for reason, holds, score, detail in checks:
        if holds:
            return filtered(id, reason, detail, float(score), **fields)
    return kept(id, analysis.quality, **fields)
