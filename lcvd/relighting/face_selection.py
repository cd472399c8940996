"""One of several faces in a picture: numbered from the left, and cut out so that only it is seen."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.detect import faces_in
from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Box, Clip
from lcvd.video.decode import read

Array = NDArray[Any]
_LOOKS = 8
"""Frames that are looked at, evenly spread, for one with enough faces."""


def clip_of_face(clip: Clip, number: int, name: str) -> Clip:
    """The clip cropped to the part where face `number` is alone: 1 is the leftmost in the first frame that shows so many.

    The cuts run half-way between that face and each other one, so faces mustn't change places.

    Raises:
        ClipError: no frame looked at shows so many; `name` and their number are told.
    """
    most = 0
    for index in np.unique(np.linspace(0, clip.frames - 1, _LOOKS).astype(int)).tolist():
        boxes = faces_in(read(clip, [index])[0])
        most = max(most, len(boxes))
        if len(boxes) >= number:
            return dataclasses.replace(clip, **_cut(clip, alone(boxes, number - 1, clip.width, clip.height)))
    seen = {0: "no face is seen", 1: "only one face is seen"}.get(most, f"only {most} faces are seen")
    raise ClipError("no_face", f"{name}: face {number} was asked for (numbered from the left), but {seen}")


def alone(boxes: Array, number: int, width: int, height: int) -> Box:
    """The part (x0, y0, x1, y1) of a width x height picture around box `number`, without the middle of any other."""
    part = [0.0, 0.0, float(width), float(height)]
    own = boxes[number]
    for other in np.delete(boxes, number, axis=0):
        gaps = np.array([other[0] - own[2], other[1] - own[3], own[0] - other[2], own[1] - other[3]])
        side = int(gaps.argmax())  # right, below, left, above: where the two are furthest apart
        cut = (other[side % 2] + own[side % 2 + 2]) / 2 if side < 2 else (other[side % 2 + 2] + own[side % 2]) / 2
        if side < 2:
            part[side + 2] = min(part[side + 2], cut)
        else:
            part[side - 2] = max(part[side - 2], cut)
    x0, y0, x1, y1 = (round(float(value)) for value in part)
    return x0, y0, x1, y1


def _cut(clip: Clip, box: Box) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    left, top = clip.crop[:2] if clip.crop else (0, 0)
    return {"crop": (x0 + left, y0 + top, x1 + left, y1 + top), "width": x1 - x0, "height": y1 - y0}
