"""Face hashes of modified images, and the search for near-duplicates against a brute-force search."""

import cv2
import numpy as np
import pytest

from lcvd.filter.near_duplicates import BITS, face_hash, find_duplicates, hash_distance


def hashes_of(bits: np.ndarray) -> list[str]:
    """Hashes of bits (F, BITS)."""
    return [np.packbits(row).tobytes().hex() for row in bits]


def clips(count: int, seed: int = 0) -> np.ndarray:
    """Bits (N, 8, BITS) of unrelated clips."""
    return np.random.default_rng(seed).integers(0, 2, (count, 8, BITS), dtype=np.uint8)


def test_the_distance_is_the_fraction_of_differing_bits() -> None:
    bits = clips(2)
    assert hash_distance(hashes_of(bits[0]), hashes_of(bits[1])) == pytest.approx(np.mean(bits[0] != bits[1]))
    assert hash_distance(hashes_of(bits[0]), hashes_of(bits[0])) == 0
    with_gaps = [None, None, *hashes_of(bits[0])[2:]]
    assert hash_distance(with_gaps, hashes_of(bits[1])) == pytest.approx(np.mean(bits[0, 2:] != bits[1, 2:]))
    assert hash_distance([None] * 5 + hashes_of(bits[0])[5:], hashes_of(bits[0])) == 1  # too few common frames
    assert hash_distance([None], [None]) == 1
    few = hashes_of(bits[0, :3])
    assert hash_distance(few, few) == 1
    assert find_duplicates([few, few], 0.1) == [None, None]
    enough = hashes_of(bits[0, :4])
    assert find_duplicates([enough, enough], 0.1) == [None, 0]


def test_duplicates_are_found_among_many_clips() -> None:
    bits = clips(300)
    rng = np.random.default_rng(1)
    for target, source, share in ((120, 7, 0.05), (250, 120, 0.05), (251, 7, 0.08), (260, 9, 0.13), (270, 270, 0)):
        flip = np.zeros(bits[0].size, np.uint8)
        flip[rng.permutation(flip.size)[: int(share * flip.size)]] = 1
        bits[target] = bits[source] ^ flip.reshape(bits[0].shape)
    assert np.mean(bits[250] != bits[7]) < 0.1
    found = {
        i: other for i, other in enumerate(find_duplicates([hashes_of(row) for row in bits], 0.1)) if other is not None
    }
    assert found == {120: 7, 250: 7, 251: 7}
    assert find_duplicates([], 0.1) == []


def test_a_clip_similar_only_to_a_duplicate_is_kept() -> None:
    """The second clip duplicates the first and is dropped; the third resembles only the second, so it is kept."""
    bits = clips(1).reshape(1, -1).repeat(3, 0)
    bits[1, :90] ^= 1
    bits[2, :180] ^= 1
    found = find_duplicates([hashes_of(row.reshape(8, BITS)) for row in bits], 0.1)
    assert found == [None, 0, None]


def test_a_hash_is_robust_to_encoding_and_brightness_but_differs_between_images() -> None:
    rng = np.random.default_rng(0)
    faces = [cv2.GaussianBlur(rng.integers(0, 255, (112, 112, 3), dtype=np.uint8), (0, 0), 6) for _ in range(2)]
    faces = [cv2.normalize(face, None, 20, 200, cv2.NORM_MINMAX) for face in faces]
    coarse = cv2.imdecode(cv2.imencode(".jpg", faces[0], [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)
    lit = np.clip(1.3 * coarse.astype(float) ** 0.98, 0, 255).astype(np.uint8)
    same, other = ([face_hash(face)] * 4 for face in faces)
    assert hash_distance(same, [face_hash(coarse)] * 4) < 0.1
    assert hash_distance(same, [face_hash(lit)] * 4) < 0.1
    assert hash_distance(same, other) > 0.3
