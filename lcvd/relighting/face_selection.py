"""Select one of several faces: number them from the left and crop the clip to the chosen one."""

import dataclasses

import numpy as np

from lcvd.array import Array
from lcvd.face.detect import faces_in
from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Box, Clip
from lcvd.video.decode import read

_SEARCHED_FRAMES = 8
"""Number of evenly spaced frames in which faces are detected until one has enough faces."""


def clip_of_face(clip: Clip, number: int, name: str) -> Clip:
    """Crop the clip to the region that contains only face `number`; 1 is the leftmost.

    Faces are numbered in the first searched frame with at least `number` faces. The crop's edges are half-way between that
    face and each other face, so faces must not change places.

    Raises:
        ClipError: no searched frame has so many faces; the message gives `name` and the number of faces.
    """
    most = 0
    for index in np.unique(np.linspace(0, clip.frames - 1, _SEARCHED_FRAMES).astype(int)).tolist():
        boxes = faces_in(read(clip, [index])[0])
        most = max(most, len(boxes))
        if len(boxes) >= number:
            x0, y0, x1, y1 = alone(boxes, number - 1, clip.width, clip.height)
            left, top = clip.crop[:2] if clip.crop else (0, 0)
            crop = (x0 + left, y0 + top, x1 + left, y1 + top)
            return dataclasses.replace(clip, crop=crop, width=x1 - x0, height=y1 - y0)
    found = {0: "no face was found", 1: "only one face was found"}.get(most, f"only {most} faces were found")
    raise ClipError("no_face", f"{name}: face {number} was requested (numbered from the left), but {found}")


def alone(boxes: Array, number: int, width: int, height: int) -> Box:
    """The region (x0, y0, x1, y1) of a width x height image that contains box `number` and no other box's centre."""
    part = [0.0, 0.0, float(width), float(height)]
    own = boxes[number]
    for other in np.delete(boxes, number, axis=0):
        gaps = np.array([other[0] - own[2], other[1] - own[3], own[0] - other[2], own[1] - other[3]])
        side = int(gaps.argmax())  # right, below, left, above: the side with the largest gap
        if side < 2:
            part[side + 2] = min(part[side + 2], (other[side] + own[side + 2]) / 2)
        else:
            part[side - 2] = max(part[side - 2], (other[side] + own[side - 2]) / 2)
    x0, y0, x1, y1 = (round(float(value)) for value in part)
    return x0, y0, x1, y1
