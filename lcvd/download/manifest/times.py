"""Where a clip begins or ends: what a manifest may write, and which native frame that is once the media is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

FORM = "seconds (12.48), frame:312, frame:312@25 (at that rate), key:120+31 (after the first key frame from 120 s on) or nothing"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(rf"(?P<seconds>{_NUMBER})|frame:(?P<frame>[0-9]+)(?:@(?P<rate>{_NUMBER}))?|"
                   rf"key:(?P<key>{_NUMBER})\+(?P<after>[0-9]+)")  # fmt: skip
_SAME_RATE = Fraction(1, 5000)  # relative: annotations write 23.98 and 29.97 for 24000/1001 and 30000/1001
_ROUNDED = Fraction(1, 2)  # seconds by which an end may exceed the media: people round the length up

Keys = Sequence[tuple[int, float]]
"""Key frames of a media file: (frame, seconds from its first frame), in order."""


@dataclass(frozen=True)
class Time:
    """A parsed place in time. `unit` says what `value` counts, so that only times of one unit are comparable unseen:
    ``seconds``, ``frame``, ``frame@<rate>`` or ``key:<seconds>``."""

    unit: str
    value: Decimal

    def frame(self, fps: float, keys: Keys) -> int:
        """The native frame at whose beginning this is; seconds are rounded to the nearest frame boundary.

        Raises:
            ValueError: the media has no key frame where one is asked for.
        """
        kind, _, number = self.unit.replace(":", "@").partition("@")
        if kind == "key":
            for index, seconds in keys:
                if seconds >= float(number):
                    return index + int(self.value)
            raise ValueError(f"there is no key frame at or after {number} s")
        if kind == "frame" and not number:
            return int(self.value)
        native = Fraction(fps).limit_denominator(100_000)
        if kind == "frame":
            rate = Fraction(number)
            if abs(rate - native) <= rate * _SAME_RATE:
                return int(self.value)
            return _nearest(Fraction(self.value) / rate * native)
        return _nearest(Fraction(self.value) * native)


def parse_time(text: str) -> Time | None:
    """Read one of the forms that `FORM` lists (but not the empty one); None where it is none of them."""
    match = _TIME.fullmatch(text)
    if match is None or (match["rate"] and not Decimal(match["rate"])):
        return None
    if match["seconds"]:
        return Time("seconds", Decimal(text))
    if match["key"]:
        return Time(f"key:{match['key']}", Decimal(match["after"]))
    return Time(f"frame@{match['rate']}" if match["rate"] else "frame", Decimal(match["frame"]))


def span(start: str, end: str, frames: int, fps: float, keys: Keys = ()) -> tuple[int, int]:
    """Half-open range of native frames of a media file with `frames` frames; empty texts mean its begin and end.

    Raises:
        ValueError: the range holds no frame of the media, or ends beyond it (by more than half a second, where the end
            is in seconds).
    """
    begin, stop = parse_time(start), parse_time(end)
    told = f"from {start or '0'} to {end or 'the end'} isn't within the media ({frames} frames, {frames / fps:.2f} s)"
    try:
        first = begin.frame(fps, keys) if begin else 0
        last = stop.frame(fps, keys) if stop else frames
    except ValueError as error:
        raise ValueError(f"{told}: {error}") from None
    slack = int(_ROUNDED * Fraction(fps)) if stop and stop.unit == "seconds" else 0
    if first >= min(last, frames) or last > frames + slack:
        raise ValueError(told)
    return first, min(last, frames)


def _nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))
