"""Numbered people are reproducible and differ from each other; numbers out of range are rejected."""

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.studio.person import GARMENTS, HAIRS, IDENTITY_LIMIT, PEOPLE, sample_person


def test_people_are_reproducible_and_differ() -> None:
    head = load_head()
    people = [sample_person(number, head) for number in range(60)]
    again = sample_person(7, head)
    np.testing.assert_array_equal(again.identity, people[7].identity)
    np.testing.assert_array_equal(again.skin, people[7].skin)
    assert len({person.identity.tobytes() for person in people}) == 60
    assert {person.hair for person in people} == set(HAIRS)
    assert {person.garment for person in people} == set(GARMENTS)
    tones = np.array([person.skin.mean() for person in people])
    assert tones.min() < 0.35
    assert tones.max() > 0.6
    for person in people:
        assert np.abs(person.identity).max() <= IDENTITY_LIMIT
        for colour in (person.skin, person.hair_colour, person.iris, person.cloth, person.second_cloth):
            assert colour.shape == (3,)
            assert 0 < colour.min() <= colour.max() < 1


def test_a_number_out_of_range_is_rejected() -> None:
    for number in (-1, PEOPLE):
        with pytest.raises(ValueError, match="head-0 to head-9999"):
            sample_person(number, load_head())
