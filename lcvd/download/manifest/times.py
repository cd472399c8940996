"""Start and end times of a clip: the notations of a manifest, and their conversion to native frames of the media."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lcvd.errors import UsageError

FORMAT = "seconds (12.48), frame:312, frame:312@25 (at that rate), key:120+31 (31 frames after the first key frame at or after 120 s), or empty"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = re.compile(rf"(?P<seconds>{_NUMBER})|frame:(?P<frame>[0-9]+)(?:@(?P<rate>{_NUMBER}))?|"
                   rf"key:(?P<key>{_NUMBER})\+(?P<after>[0-9]+)")  # fmt: skip
_SAME_RATE = Fraction(1, 5000)  # relative: annotations write 23.98 and 29.97 for 24000/1001 and 30000/1001
_END_TOLERANCE = Fraction(
    1, 2
)  # seconds by which an end may exceed the media, because annotators round the duration up

KeyFrames = Sequence[tuple[int, float]]
"""Key frames of a media file in order: (frame, seconds from its first frame)."""


@dataclass(frozen=True)
class Time:
    """A parsed time.

    `unit` is the unit of `value`: ``seconds``, ``frame``, ``frame@<rate>`` or ``key:<seconds>``. Without the media,
    only times with equal units can be compared.
    """

    unit: str
    value: Decimal

    def frame(self, fps: float, keys: KeyFrames) -> int:
        """The native frame that starts at this time. Seconds are rounded to the nearest frame boundary.

        Raises:
            UsageError: the media has no key frame at or after the requested time.
        """
        kind, _, number = self.unit.replace(":", "@").partition("@")
        if kind == "key":
            for index, seconds in keys:
                if seconds >= float(number):
                    return index + int(self.value)
            raise UsageError(f"no key frame at or after {number} s")
        if kind == "frame" and not number:
            return int(self.value)
        native = Fraction(fps).limit_denominator(100_000)
        if kind == "frame":
            rate = Fraction(number)
            if abs(rate - native) <= rate * _SAME_RATE:
                return int(self.value)
            return _round_half_up(Fraction(self.value) / rate * native)
        return _round_half_up(Fraction(self.value) * native)


def parse_time(text: str) -> Time | None:
    """Parse one of the notations of `FORMAT`, except the empty one; None if it matches none of them."""
    match = _TIME.fullmatch(text)
    if match is None or (match["rate"] and not Decimal(match["rate"])):
        return None
    if match["seconds"]:
        return Time("seconds", Decimal(text))
    if match["key"]:
        return Time(f"key:{match['key']}", Decimal(match["after"]))
    return Time(f"frame@{match['rate']}" if match["rate"] else "frame", Decimal(match["frame"]))


def frame_range(start: str, end: str, frames: int, fps: float, keys: KeyFrames = ()) -> tuple[int, int]:
    """Half-open range of native frames of a media file with `frames` frames; empty texts mean its start and end.

    Raises:
        UsageError: the range contains no frame of the media, or ends after it. An end in seconds may exceed it by half
            a second.
    """
    begin, stop = parse_time(start), parse_time(end)
    message = (
        f"from {start or '0'} to {end or 'the end'} is not within the media ({frames} frames, {frames / fps:.2f} s)"
    )
    try:
        first = begin.frame(fps, keys) if begin else 0
        last = stop.frame(fps, keys) if stop else frames
    except ValueError as error:
        raise UsageError(f"{message}: {error}") from None
    slack = int(_END_TOLERANCE * Fraction(fps)) if stop and stop.unit == "seconds" else 0
    if first >= min(last, frames) or last > frames + slack:
        raise UsageError(message)
    return first, min(last, frames)


def _round_half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))
