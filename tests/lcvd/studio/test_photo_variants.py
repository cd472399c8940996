"""Variants of photographs have other identities, with the pose and light of the photograph."""

import numpy as np
import pytest

from lcvd.face.embedding import embed
from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.face.square import to_pixels
from lcvd.studio.clip import StudioClip
from lcvd.studio.photo import load_photo
from lcvd.studio.photo_variants import VARIANTS, photo_variant

SIZE = 160


def test_a_variant_depends_only_on_its_number() -> None:
    first, codes = photo_variant("astronaut", 5, SIZE)
    photo_variant.cache_clear()
    again, same = photo_variant("astronaut", 5, SIZE)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(codes.identity, same.identity)
    other, others = photo_variant("astronaut", 6, SIZE)
    assert not np.array_equal(first.image, other.image)
    assert not np.array_equal(codes.identity, others.identity)


def test_pose_and_light_are_the_photographs_or_its_mirror_images() -> None:
    stills = [load_photo("astronaut", SIZE, mirrored).codes for mirrored in (False, True)]
    seen = set()
    for number in range(8):
        _, codes = photo_variant("astronaut", number, SIZE)
        [which] = [i for i, still in enumerate(stills) if np.array_equal(codes.pose, still.pose)]
        seen.add(which)
        for name in ("expression", "camera", "light"):
            assert np.array_equal(getattr(codes, name), getattr(stills[which], name))
        assert 0.3 < np.abs(codes.identity - stills[which].identity).max() < 4
    assert seen == {0, 1}


def test_a_number_out_of_range_is_rejected() -> None:
    with pytest.raises(ValueError, match=f"astronaut-0 to astronaut-{VARIANTS - 1}; there is no astronaut-{VARIANTS}"):
        photo_variant("astronaut", VARIANTS, SIZE)


def test_the_truth_of_a_clip_has_the_shape_of_the_variant() -> None:
    clip = StudioClip.parse("studio:astronaut-5?seed=2&frames=3&size=160")
    assert np.array_equal(clip.truth().identity, photo_variant("astronaut", 5, SIZE)[1].identity)


def test_variants_differ_in_identity_and_each_is_consistent() -> None:
    """By a face recognition network, which is independent of how the images were made."""
    embeddings = np.stack([_embedding(f"astronaut-{number}", seed) for number in (1, 3, 5, 6) for seed in (1, 2)])
    alike = (embeddings @ embeddings.T).reshape(4, 2, 4, 2).mean((1, 3))
    same = np.array([embeddings[2 * i] @ embeddings[2 * i + 1] for i in range(4)])
    others = alike[~np.eye(4, dtype=bool)]
    assert same.min() > others.max()
    assert others.mean() < same.mean() - 0.2


def _embedding(identity: str, seed: int) -> np.ndarray:
    clip = StudioClip(identity, seed, "front", 1, SIZE)
    truth, head = clip.truth(), load_head()
    points = head.five_points(head.vertices(truth.identity, truth.expression, truth.pose))
    [(frames, _)] = clip.render()
    return embed(frames, to_pixels(place(points, truth)[..., :2], SIZE))[0]
