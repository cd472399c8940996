"""Find near-duplicates by face hashes: the same moments of the same footage, re-encoded, cropped, scaled or brightened.

A hash has one bit per low DCT frequency of the aligned face's brightness: whether it is above the median. The face is
aligned by its landmarks, so cropping and scaling don't change the hash, and the background has no influence.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

SIDE, WAVES = 48, 12
BITS = WAVES * WAVES - 1
"""Number of bits of a hash: all frequencies but the mean."""
WORDS = -(-BITS // 64)
FEWEST = 4
"""Minimum number of frames in which both clips have a hash: over fewer frames, a still face alone makes hashes equal."""
Hashes = Sequence[str | None]


def face_hash(face: NDArray[np.uint8]) -> str:
    """Return the hash, in hexadecimal, of an aligned face (S, S, 3) uint8 RGB (`lcvd.face.embedding.opencv_align`)."""
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(grey.astype(np.float32))[:WAVES, :WAVES].ravel()[1:]
    return np.packbits(waves > np.median(waves)).tobytes().hex()


def hash_distance(first: Hashes, second: Hashes) -> float:
    """Return the fraction of differing bits over the frames in which both clips have a hash.

    It is 1 if these are fewer than half of all frames, or fewer than `FEWEST`.
    """
    words, valid = _packed([first, second])
    bits, common = _pair(words, valid, 0, 1, words.shape[1] * BITS)
    return bits / (common * BITS) if common >= max(FEWEST, words.shape[1] / 2) else 1.0


def find_duplicates(clips: Sequence[Hashes], limit: float) -> list[int | None]:
    """Return for each clip the index of the first earlier original at a `hash_distance` below `limit`, or None.

    An original is a clip that is not a duplicate itself. All pairs are compared, most of them over a few frames only:
    40,000 clips take seconds.
    """
    if not clips:
        return []
    found = _find(*_packed(clips), limit)
    return [int(index) if index >= 0 else None for index in found]


def _packed(clips: Sequence[Hashes]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return all hashes as words (N, F, WORDS), and which of them exist, (N, F)."""
    shape = (len(clips), max(len(hashes) for hashes in clips))
    words, valid = np.zeros((*shape, WORDS), np.uint64), np.zeros(shape, bool)
    for i, hashes in enumerate(clips):
        for frame, text in enumerate(hashes):
            if text is not None:
                words[i, frame] = np.frombuffer(bytes.fromhex(text).ljust(8 * WORDS, b"\0"), "<u8")
                valid[i, frame] = True
    return words, valid


@intrinsic
def _popcount(typing_context: Any, word: Any) -> Any:
    """Count the ones of a uint64 with the CPU's instruction, which numba doesn't expose."""
    return types.int64(types.uint64), lambda context, builder, signature, words: builder.ctpop(words[0])


@njit(inline="always")
def _bits_apart(words: Any, valid: Any, i: int, j: int, enough: int) -> tuple[int, int]:
    """Return the number of differing bits of clips i and j, and of frames in which both have a hash.

    Stops early when more than `enough` bits differ.
    """
    bits, common = 0, 0
    for frame in range(valid.shape[1]):
        if valid[i, frame] and valid[j, frame]:
            common += 1
            for word in range(WORDS):
                bits += _popcount(words[i, frame, word] ^ words[j, frame, word])  # type: ignore[call-arg]
            if bits > enough:
                break
    return bits, common


@njit(cache=True)
def _find(words: Any, valid: Any, limit: float) -> Any:
    count, frames = valid.shape
    found = np.full(count, -1, np.int64)
    enough = int(limit * BITS * frames)
    for i in range(count):
        for j in range(i):
            if found[j] < 0:
                bits, common = _bits_apart(words, valid, i, j, enough)
                if bits < limit * BITS * common and common >= max(FEWEST, frames / 2):
                    found[i] = j
                    break
    return found


_pair = njit(_bits_apart.py_func, cache=True)
