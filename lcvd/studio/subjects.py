"""Who can sit for the studio: people of photographs, relatives of theirs by number, and computer-made heads by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.studio.person import PEOPLE
from lcvd.studio.photo import PHOTOS, photo
from lcvd.studio.photo_variants import RELATIVES, relative
from lcvd.studio.portrait import portrait
from lcvd.studio.render import render

Array = NDArray[Any]
_HEAD = "head"
_COUNTS = {_HEAD: PEOPLE} | dict.fromkeys(PHOTOS, RELATIVES)
KNOWN = f"{', '.join([*sorted(PHOTOS), *(f'{name}-<n>' for name in sorted(_COUNTS))])} with n from 0 to {PEOPLE - 1}"
"""All identities, for messages."""


@dataclass(frozen=True)
class Sitter:
    """Someone whose picture can be made: `codes` of one frame, at rest, and how they look under other codes.

    `render` takes codes of T frames, of the same identity and head, and gives windows of frames (t, S, S, 3) uint8 and
    true portrait masks (t, S, S) uint8 in {0, 255}.
    """

    codes: FaceCodes
    render: Callable[[FaceCodes], Iterator[tuple[Array, Array]]]


def is_known(identity: str) -> bool:
    """Whether `sitter` knows that identity."""
    return identity in PHOTOS or _numbered(identity) is not None


def sitter(identity: str, size: int) -> Sitter:
    """The sitter of that name, for pictures of `size` px a side.

    Raises:
        ValueError: nobody has that name, or the photograph's package isn't installed.
    """
    if identity in PHOTOS:
        still = photo(identity, size)
        return Sitter(still.codes, partial(render, still))
    if (numbered := _numbered(identity)) is None:
        raise ValueError(f"the studio has no sitter {identity!r}; it has {KNOWN}")
    family, number = numbered
    if family == _HEAD:
        drawn = portrait(number, size)
        return Sitter(drawn.codes, drawn.render)
    still, codes = relative(family, number, size)
    return Sitter(codes, partial(render, still))


def _numbered(identity: str) -> tuple[str, int] | None:
    family, _, digits = identity.rpartition("-")
    plain = digits.isascii() and digits.isdigit() and str(int(digits)) == digits
    return (family, int(digits)) if plain and int(digits) < _COUNTS.get(family, 0) else None
