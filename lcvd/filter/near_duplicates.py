"""Near copies: the same moments of the same footage, encoded, cut, scaled or lit anew, found by hashes of the face.

A hash is the signs, about their median, of the lowest frequencies of the upright face's brightness. The face is cut out by
its landmarks, so a copy that was cropped or scaled gives the same hash, and what is behind it doesn't count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

SIDE, WAVES = 48, 12
BITS = WAVES * WAVES - 1
"""Bits of a hash: all frequencies but the mean."""
WORDS = -(-BITS // 64)
FEWEST = 4
"""Hashes that two clips have in common before one can be a copy: a face that keeps still looks the same for a while."""
Hashes = Sequence[str | None]


def face_hash(face: NDArray[np.uint8]) -> str:
    """The hash, in hexadecimal, of an upright face (S, S, 3) uint8 RGB (`lcvd.face.embedding.aligned`)."""
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(grey.astype(np.float32))[:WAVES, :WAVES].ravel()[1:]
    return np.packbits(waves > np.median(waves)).tobytes().hex()


def difference(first: Hashes, second: Hashes) -> float:
    """Share of bits in which two clips' hashes differ, over the places where both have one; 1 where those are less than
    half of all or `FEWEST`."""
    words, there = _packed([first, second])
    bits, common = _pair(words, there, 0, 1, words.shape[1] * BITS)
    return bits / (common * BITS) if common >= max(FEWEST, words.shape[1] / 2) else 1.0


def copies(clips: Sequence[Hashes], limit: float) -> list[int | None]:
    """For each clip the first one before it that is no copy itself and from which it differs in less than `limit`.

    Every pair is looked at, most of them for the first few frames only: 40,000 clips take seconds.
    """
    if not clips:
        return []
    found = _copies(*_packed(clips), limit)
    return [int(index) if index >= 0 else None for index in found]


def _packed(clips: Sequence[Hashes]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Words (N, F, WORDS) of all hashes, and which of them are there, (N, F)."""
    shape = (len(clips), max(len(hashes) for hashes in clips))
    words, there = np.zeros((*shape, WORDS), np.uint64), np.zeros(shape, bool)
    for i, hashes in enumerate(clips):
        for place, text in enumerate(hashes):
            if text is not None:
                words[i, place] = np.frombuffer(bytes.fromhex(text).ljust(8 * WORDS, b"\0"), "<u8")
                there[i, place] = True
    return words, there


@intrinsic
def _ones(typing_context: Any, word: Any) -> Any:
    """Ones of a uint64: the processor's own instruction, which numba has no name for."""
    return types.int64(types.uint64), lambda context, builder, signature, words: builder.ctpop(words[0])


@njit(inline="always")
def _bits_apart(words: Any, there: Any, i: int, j: int, enough: int) -> tuple[int, int]:
    """Bits in which clips i and j differ, and in how many places both have a hash; stops at more bits than `enough`."""
    bits, common = 0, 0
    for place in range(there.shape[1]):
        if there[i, place] and there[j, place]:
            common += 1
            for word in range(WORDS):
                bits += _ones(words[i, place, word] ^ words[j, place, word])  # type: ignore[call-arg]
            if bits > enough:
                break
    return bits, common


@njit(cache=True)
def _copies(words: Any, there: Any, limit: float) -> Any:
    count, places = there.shape
    found = np.full(count, -1, np.int64)
    enough = int(limit * BITS * places)
    for i in range(count):
        for j in range(i):
            if found[j] < 0:
                bits, common = _bits_apart(words, there, i, j, enough)
                if bits < limit * BITS * common and common >= max(FEWEST, places / 2):
                    found[i] = j
                    break
    return found


_pair = njit(_bits_apart.py_func, cache=True)
