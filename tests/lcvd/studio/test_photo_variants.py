"""Relatives of photographed people: other people, seen with the photograph's grain."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.face.embedding import embed
from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.face.square import to_pixels
from lcvd.studio.clip import StudioClip
from lcvd.studio.photo import photo
from lcvd.studio.photo_variants import RELATIVES, relative

SIZE = 160


def test_a_relative_is_a_function_of_the_number() -> None:
    first, codes = relative("astronaut", 5, SIZE)
    relative.cache_clear()
    again, same = relative("astronaut", 5, SIZE)
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(codes.identity, same.identity)
    other, others = relative("astronaut", 6, SIZE)
    assert not np.array_equal(first.picture, other.picture)
    assert not np.array_equal(codes.identity, others.identity)


def test_pose_and_light_are_the_photographs_or_its_mirror_image_s() -> None:
    stills = [photo("astronaut", SIZE, mirrored).codes for mirrored in (False, True)]
    seen = set()
    for number in range(8):
        _, codes = relative("astronaut", number, SIZE)
        [which] = [i for i, still in enumerate(stills) if np.array_equal(codes.pose, still.pose)]
        seen.add(which)
        for name in ("expression", "camera", "light"):
            assert np.array_equal(getattr(codes, name), getattr(stills[which], name))
        assert 0.3 < np.abs(codes.identity - stills[which].identity).max() < 4
    assert seen == {0, 1}


def test_numbers_have_an_end() -> None:
    with pytest.raises(
        ValueError, match=f"astronaut-0 to astronaut-{RELATIVES - 1}; there is no astronaut-{RELATIVES}"
    ):
        relative("astronaut", RELATIVES, SIZE)


def test_the_truth_of_a_clip_has_the_relatives_shape() -> None:
    clip = StudioClip.parse("studio:astronaut-5?seed=2&frames=3&size=160")
    assert np.array_equal(clip.truth().identity, relative("astronaut", 5, SIZE)[1].identity)


def test_relatives_are_other_people_and_each_is_one() -> None:
    """By a network for recognising faces, which knows nothing of how they were made."""
    shown = np.stack([_embedding(f"astronaut-{number}", seed) for number in (1, 3, 5, 6) for seed in (1, 2)])
    alike = (shown @ shown.T).reshape(4, 2, 4, 2).mean((1, 3))
    same = np.array([shown[2 * i] @ shown[2 * i + 1] for i in range(4)])
    others = alike[~np.eye(4, dtype=bool)]
    assert same.min() > others.max()
    assert others.mean() < same.mean() - 0.2


def _embedding(identity: str, seed: int) -> np.ndarray:
    clip = StudioClip(identity, seed, "front", 1, SIZE)
    truth, head = clip.truth(), load_head()
    points = head.five_points(head.vertices(truth.identity, truth.expression, truth.pose))
    [(frames, _)] = clip.render()
    return embed(frames, to_pixels(place(points, truth)[..., :2], SIZE))[0]
