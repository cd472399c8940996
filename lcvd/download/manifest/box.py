"""The box of a clip: in pixels of its source, or relative to the size that an annotation was made at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lcvd.video.clip import Box

FORM = "'x0 y0 x1 y1' with x0 < x1, y0 < y1, in source pixels or followed by 'of 1920x1080' or 'of x1080' (that picture's) or 'of 1x1' (shares); 'square' may end it"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_CROP = re.compile(rf"({_NUMBER}) ({_NUMBER}) ({_NUMBER}) ({_NUMBER})(?: of ([0-9]+)?x([0-9]+))?( square)?")


@dataclass(frozen=True)
class Crop:
    """A parsed box. `width` and `height` are those of the picture that it was drawn in, None where that is the source's
    own (without a width, both axes are scaled by the height). A `square` is the largest one inside the box whose side
    is even, about its centre."""

    box: tuple[Decimal, Decimal, Decimal, Decimal]
    width: int | None = None
    height: int | None = None
    square: bool = False

    def pixels(self, width: int, height: int) -> Box:
        """(x0, y0, x1, y1) in pixels of a source of `width` x `height`, each rounded to the nearest.

        Raises:
            ValueError: the box leaves the picture, or holds no pixel of it.
        """
        down = Fraction(height, self.height) if self.height else Fraction(1)
        across = Fraction(width, self.width) if self.width else down
        x0, y0, x1, y1 = (
            round(Fraction(value) * scale) for value, scale in zip(self.box, (across, down) * 2, strict=True)
        )
        if self.square:
            half = min(x1 - x0, y1 - y0) // 2
            left, top = (x0 + x1) // 2 - half, (y0 + y1) // 2 - half
            x0, y0, x1, y1 = left, top, left + 2 * half, top + 2 * half
        if x1 > width or y1 > height or x0 >= x1 or y0 >= y1:
            raise ValueError(f"crop {x0} {y0} {x1} {y1} leaves the {width}x{height} picture, or is empty")
        return x0, y0, x1, y1


def parse_crop(text: str) -> Crop | None:
    """Read a box as `FORM` describes it; None where it isn't one."""
    match = _CROP.fullmatch(text)
    if match is None:
        return None
    *numbers, across, down, square = match.groups()
    if down is None and any("." in number for number in numbers):
        return None  # half a pixel of the source can't be cut
    x0, y0, x1, y1 = map(Decimal, numbers)
    width, height = int(across) if across else None, int(down) if down else None
    inside = (height is None or 0 < y1 <= height) and (width is None or 0 < x1 <= width)
    return Crop((x0, y0, x1, y1), width, height, square is not None) if x0 < x1 and y0 < y1 and inside else None
