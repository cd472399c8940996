"""Crop box of a clip, in pixels of the source or relative to the frame size of an annotation."""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lcvd.errors import UsageError
from lcvd.video.clip import Box

FORMAT = (
    "'x0 y0 x1 y1' with x0 < x1, y0 < y1, in source pixels, in pixels of a frame size ('of 1920x1080', 'of x1080'), "
    "or in fractions ('of 1x1'); optionally followed by 'square'"
)
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_CROP = re.compile(rf"({_NUMBER}) ({_NUMBER}) ({_NUMBER}) ({_NUMBER})(?: of ([0-9]+)?x([0-9]+))?( square)?")


@dataclass(frozen=True)
class Crop:
    """A parsed crop box.

    `width` and `height` are the frame size that the box refers to; None means the source's own. Without a width, both
    axes are scaled by the height. `square` selects the largest square with an even side inside the box, centred on it.
    """

    box: tuple[Decimal, Decimal, Decimal, Decimal]
    width: int | None = None
    height: int | None = None
    square: bool = False

    def pixels(self, width: int, height: int) -> Box:
        """(x0, y0, x1, y1) in pixels of a source of `width` x `height`, each rounded to the nearest integer.

        Raises:
            UsageError: the box exceeds the frame or is empty.
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
            raise UsageError(f"crop {x0} {y0} {x1} {y1} exceeds the {width}x{height} frame, or is empty")
        return x0, y0, x1, y1


def parse_crop(text: str) -> Crop | None:
    """Parse a box written as `FORMAT` describes; None if it is not one."""
    match = _CROP.fullmatch(text)
    if match is None:
        return None
    *numbers, across, down, square = match.groups()
    if down is None and any("." in number for number in numbers):
        return None  # a crop cannot start at half a pixel of the source
    x0, y0, x1, y1 = map(Decimal, numbers)
    width, height = int(across) if across else None, int(down) if down else None
    inside = (height is None or 0 < y1 <= height) and (width is None or 0 < x1 <= width)
    return Crop((x0, y0, x1, y1), width, height, square is not None) if x0 < x1 and y0 < y1 and inside else None
