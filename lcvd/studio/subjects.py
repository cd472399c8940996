"""Subjects of the studio: photographed people, numbered variants of them, and numbered computer-generated heads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.studio.person import PEOPLE
from lcvd.studio.photo import PHOTOS, load_photo
from lcvd.studio.photo_variants import VARIANTS, photo_variant
from lcvd.studio.portrait import build_portrait
from lcvd.studio.render import render

_HEAD = "head"
_COUNTS = {_HEAD: PEOPLE} | dict.fromkeys(PHOTOS, VARIANTS)
KNOWN = f"{', '.join([*sorted(PHOTOS), *(f'{name}-<n>' for name in sorted(_COUNTS))])} with n from 0 to {PEOPLE - 1}"
"""All identities, for messages."""


@dataclass(frozen=True)
class Subject:
    """A person who can be rendered: face codes of one frame at rest, and the renderer.

    `render` takes face codes of T frames with the same identity and head model and yields windows of frames (t, S, S,
    3) uint8 and true portrait masks (t, S, S) uint8 in {0, 255}.
    """

    codes: FaceCodes
    render: Callable[[FaceCodes], Iterator[tuple[Array, Array]]]


def is_known(identity: str) -> bool:
    """Whether `load_subject` accepts this identity."""
    return identity in PHOTOS or _parse_numbered(identity) is not None


def load_subject(identity: str, size: int) -> Subject:
    """The subject with this identity, for frames of `size` px a side.

    Raises:
        UsageError: the identity is unknown, or the photograph's package is not installed.
    """
    if identity in PHOTOS:
        still = load_photo(identity, size)
        return Subject(still.codes, partial(render, still))
    if (numbered := _parse_numbered(identity)) is None:
        raise UsageError(f"unknown studio identity {identity!r}; expected one of {KNOWN}")
    family, number = numbered
    if family == _HEAD:
        head_portrait = build_portrait(number, size)
        return Subject(head_portrait.codes, head_portrait.render)
    still, codes = photo_variant(family, number, size)
    return Subject(codes, partial(render, still))


def _parse_numbered(identity: str) -> tuple[str, int] | None:
    family, _, digits = identity.rpartition("-")
    plain = digits.isascii() and digits.isdigit() and str(int(digits)) == digits
    return (family, int(digits)) if plain and int(digits) < _COUNTS.get(family, 0) else None
