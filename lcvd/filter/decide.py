"""From measurements to a verdict: thresholds only, so that changing one measures nothing again."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from lcvd.config.filter import FilterThresholds
from lcvd.filter.measure import Analysis
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.rows import Row, filtered, kept


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
    the picture quality. All measurements are in ``fields`` (``looks`` only until `lcvd.filter.across_clips.settle` has compared them), with how the quality was ``scored``, and: ``part``, the frames
    that go on (`longest_part` of the shot, counted from the clip's first), ``bridged``, how many of them have no face and
    will be interpolated, and ``face_share``, the share of them with exactly one face.
    """
    part = longest_part(analysis.shot[1] - analysis.shot[0], analysis.gaps, limits.max_gap)
    bridged = sum(stop - start for start, stop in analysis.gaps if part[0] <= start and stop <= part[1])
    share = max(0.0, 1 - bridged / (part[1] - part[0]) - analysis.many_share) if part[1] > part[0] else 0.0
    start = analysis.shot[0]
    fields = dataclasses.asdict(analysis) | {
        "same_face": analysis.looks.same_face,
        "hidden": analysis.looks.hidden,
        "shot": list(analysis.shot),
        "gaps": [list(gap) for gap in analysis.gaps],
        "part": [start + part[0], start + part[1]],
        "bridged": bridged,
        "face_share": share,
    }
    for check in _checks(analysis, part[1] - part[0], share, limits):
        if check.holds:
            return filtered(id, check.reason, check.detail, check.score, threshold=check.threshold, **fields)
    return kept(id, analysis.quality, **fields)


def longest_part(frames: int, gaps: Sequence[tuple[int, int]], max_gap: int) -> tuple[int, int]:
    """The longest half-open range, the earliest of equals, that begins and ends with a face and has no gap longer than
    `max_gap`; (0, 0) without a face. `gaps` are the runs without a face of a shot of so many frames."""
    walls = [gap for gap in gaps if gap[1] - gap[0] > max_gap or gap[0] == 0 or gap[1] == frames]
    edges = [(0, 0), *walls, (frames, frames)]
    parts = [(before[1], after[0]) for before, after in itertools.pairwise(edges) if after[0] > before[1]]
    return max(parts, key=lambda part: (part[1] - part[0], -part[0]), default=(0, 0))


def _checks(found: Analysis, part: int, face_share: float, limits: FilterThresholds) -> list[_Check]:
    frames = found.shot[1] - found.shot[0]
    cut = frames < found.frames and found.frames >= limits.min_frames
    where = f"in its longest shot (of {found.frames})" if cut else "in all"
    share = limits.min_face_share
    return [
        _Check("cut" if cut else "too_short", frames < limits.min_frames, frames, limits.min_frames,
               f"{frames} frames {where}, {limits.min_frames} needed"),
        _Check("no_face", found.face_px == 0, 0.0, share, "no face in any frame"),
        _Check("several_faces", found.many_share > 1 - share, found.many_share, 1 - share,
               f"{found.many_share:.1%} of frames show more than one face, at most {1 - share:.1%} admitted"),
        _Check("face_lost", part < limits.min_frames, part, limits.min_frames,
               f"{part} of {frames} frames without losing the face for more than {limits.max_gap} frames, "
               f"{limits.min_frames} needed"),
        _Check("face_lost", face_share < share, face_share, share,
               f"one face in {face_share:.1%} of frames, {share:.1%} needed"),
        _Check("face_jumps", found.jump > limits.max_jump, found.jump, limits.max_jump,
               f"the face jumps by {found.jump:.2f} of its size, at most {limits.max_jump:g} admitted"),
        *_looks(found, limits),
        _Check("face_small", found.face_px < limits.min_face_px, found.face_px, limits.min_face_px,
               f"the face is {found.face_px:.0f} px, {limits.min_face_px:g} needed"),
        _Check("blurred", found.sharpness < limits.min_sharpness, found.sharpness, limits.min_sharpness,
               f"sharpness {found.sharpness:.1f}, {limits.min_sharpness:g} needed"),
        *_quality(found, limits),
    ]  # fmt: skip


def _looks(found: Analysis, limits: FilterThresholds) -> list[_Check]:
    same, least, hidden, most = found.looks.same_face, limits.min_same_face, found.looks.hidden, limits.max_hidden
    checks = []
    if same is not None:
        detail = f"the face at the end is like that at the beginning by {same:.2f} (cosine), {least:g} needed"
        checks.append(_Check("face_changes", same < least, same, least, detail))
    if hidden is not None:
        detail = f"{hidden:.0%} of the face hasn't the colour of its skin, at most {most:.0%} admitted"
        checks.append(_Check("face_hidden", hidden > most, hidden, most, detail))
    return checks


def _quality(found: Analysis, limits: FilterThresholds) -> list[_Check]:
    if found.quality is None:
        return []
    kind = QUALITY_SCORES.get(found.scored["metric"])
    score, limit = found.quality, kind.limit(limits)
    worse = score < limit if kind.higher_is_better else score > limit
    needed = f"{limit:g} needed" if kind.higher_is_better else f"at most {limit:g} admitted"
    return [_Check("low_quality", worse, score, limit, f"{kind.describe(score, dict(found.scored))}, {needed}")]
