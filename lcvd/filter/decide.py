"""Decide from a clip's measurements whether to keep it. Only thresholds are applied, so changing one measures nothing again."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from lcvd.config.filter import FilterThresholds
from lcvd.filter.measure import Measurements
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.rows import Row, filtered, kept


@dataclass(frozen=True)
class _Check:
    """One reason to drop a clip: the measured value, the threshold and a sentence for the ledger."""

    reason: str
    applies: bool
    score: float
    threshold: float
    detail: str


def decide(id: str, found: Measurements, limits: FilterThresholds) -> Row:
    """Keep the clip, or drop it for the first reason that applies, in the order of `_checks`.

    The score of a filtered row is the value measured for its reason, and ``fields["threshold"]`` the threshold. The score
    of a kept row is its image quality. ``fields`` has all measurements (``signature`` only until
    `lcvd.filter.across_clips.compare_clips` has used it), and: ``part``, the range of kept frames (`longest_part` of the
    shot, counted from the clip's first frame); ``bridged``, the number of those frames that have no face and will be
    interpolated; ``face_share``, the fraction of them with exactly one face.
    """
    part = longest_part(found.shot[1] - found.shot[0], found.gaps, limits.max_gap)
    bridged = sum(stop - start for start, stop in found.gaps if part[0] <= start and stop <= part[1])
    share = max(0.0, 1 - bridged / (part[1] - part[0]) - found.many_share) if part[1] > part[0] else 0.0
    start = found.shot[0]
    fields = dataclasses.asdict(found) | {
        "same_face": found.signature.same_face,
        "hidden": found.signature.hidden,
        "shot": list(found.shot),
        "gaps": [list(gap) for gap in found.gaps],
        "part": [start + part[0], start + part[1]],
        "bridged": bridged,
        "face_share": share,
    }
    for check in _checks(found, part[1] - part[0], share, limits):
        if check.applies:
            return filtered(id, check.reason, check.detail, check.score, threshold=check.threshold, **fields)
    return kept(id, found.quality, **fields)


def longest_part(frames: int, gaps: Sequence[tuple[int, int]], max_gap: int) -> tuple[int, int]:
    """Return the longest half-open frame range that starts and ends with a face and has no gap longer than `max_gap`.

    Of equally long ranges it is the first; without any face it is (0, 0). `gaps` are the runs without a face in a shot of
    `frames` frames.
    """
    splits = [gap for gap in gaps if gap[1] - gap[0] > max_gap or gap[0] == 0 or gap[1] == frames]
    edges = [(0, 0), *splits, (frames, frames)]
    parts = [(before[1], after[0]) for before, after in itertools.pairwise(edges) if after[0] > before[1]]
    return max(parts, key=lambda part: (part[1] - part[0], -part[0]), default=(0, 0))


def _checks(found: Measurements, part: int, face_share: float, limits: FilterThresholds) -> list[_Check]:
    frames = found.shot[1] - found.shot[0]
    cut = frames < found.frames and found.frames >= limits.min_frames
    where = f"in the longest shot (the clip has {found.frames})" if cut else "in the clip"
    share = limits.min_face_share
    return [
        _Check("cut" if cut else "too_short", frames < limits.min_frames, frames, limits.min_frames,
               f"{frames} frames {where}, at least {limits.min_frames} required"),
        _Check("no_face", found.face_px == 0, 0.0, share, "no face in any frame"),
        _Check("several_faces", found.many_share > 1 - share, found.many_share, 1 - share,
               f"{found.many_share:.1%} of the frames show more than one face, at most {1 - share:.1%} allowed"),
        _Check("face_lost", part < limits.min_frames, part, limits.min_frames,
               f"the longest part without a gap of more than {limits.max_gap} frames in the face track has {part} of "
               f"{frames} frames, at least {limits.min_frames} required"),
        _Check("face_lost", face_share < share, face_share, share,
               f"{face_share:.1%} of the frames show exactly one face, at least {share:.1%} required"),
        _Check("face_jumps", found.jump > limits.max_jump, found.jump, limits.max_jump,
               f"the face moves by {found.jump:.2f} of its size between two frames, at most {limits.max_jump:g} allowed"),
        *_face_checks(found, limits),
        _Check("face_small", found.face_px < limits.min_face_px, found.face_px, limits.min_face_px,
               f"the face is {found.face_px:.0f} px, at least {limits.min_face_px:g} px required"),
        _Check("blurred", found.sharpness < limits.min_sharpness, found.sharpness, limits.min_sharpness,
               f"sharpness {found.sharpness:.1f}, at least {limits.min_sharpness:g} required"),
        *_quality_check(found, limits),
    ]  # fmt: skip


def _face_checks(found: Measurements, limits: FilterThresholds) -> list[_Check]:
    same, hidden = found.signature.same_face, found.signature.hidden
    least, most = limits.min_same_face, limits.max_hidden
    checks = []
    if same is not None:
        detail = f"cosine similarity of the face at the start and end is {same:.2f}, at least {least:g} required"
        checks.append(_Check("face_changes", same < least, same, least, detail))
    if hidden is not None:
        detail = f"{hidden:.0%} of the face region isn't skin-coloured, at most {most:.0%} allowed"
        checks.append(_Check("face_hidden", hidden > most, hidden, most, detail))
    return checks


def _quality_check(found: Measurements, limits: FilterThresholds) -> list[_Check]:
    if found.quality is None:
        return []
    kind = QUALITY_SCORES.get(found.scored["metric"])
    score, limit = found.quality, kind.limit(limits)
    worse = score < limit if kind.higher_is_better else score > limit
    required = f"at least {limit:g} required" if kind.higher_is_better else f"at most {limit:g} allowed"
    return [_Check("low_quality", worse, score, limit, f"{kind.describe(score, dict(found.scored))}, {required}")]
