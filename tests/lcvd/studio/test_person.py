"""People by number: always the same, different from each other, nobody beyond the range."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.studio.person import FARTHEST, GARMENTS, HAIRS, PEOPLE, person


def test_a_number_is_always_the_same_person_and_numbers_differ() -> None:
    head = load_head()
    people = [person(number, head) for number in range(60)]
    again = person(7, head)
    np.testing.assert_array_equal(again.identity, people[7].identity)
    np.testing.assert_array_equal(again.skin, people[7].skin)
    assert len({who.identity.tobytes() for who in people}) == 60
    assert {who.hair for who in people} == set(HAIRS)
    assert {who.garment for who in people} == set(GARMENTS)
    tones = np.array([who.skin.mean() for who in people])
    assert tones.min() < 0.35
    assert tones.max() > 0.6
    for who in people:
        assert np.abs(who.identity).max() <= FARTHEST
        for colour in (who.skin, who.hair_colour, who.iris, who.cloth, who.second_cloth):
            assert colour.shape == (3,)
            assert 0 < colour.min() <= colour.max() < 1


def test_nobody_is_beyond_the_range() -> None:
    for number in (-1, PEOPLE):
        with pytest.raises(ValueError, match="head-0 to head-9999"):
            person(number, load_head())
