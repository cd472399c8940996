"""Subjects by identity: photographs, variants and heads."""

import numpy as np
import pytest

from lcvd.studio.subjects import is_known, load_subject


def test_known_and_unknown_identities() -> None:
    assert all(map(is_known, ("astronaut", "hopper", "head-0", "head-9999", "hopper-0", "astronaut-9999")))
    assert not any(map(is_known, ("head", "head-", "head--1", "head-01", "head-10000", "head-1.5", "head-\u0663", "")))
    assert not any(map(is_known, ("astronaut-", "astronaut-10000", "astronaut-1-2", "nobody-1", "-1")))


@pytest.mark.parametrize("identity", ["hopper", "head-4", "hopper-3"])
def test_every_subject_renders_at_rest(identity: str) -> None:
    subject = load_subject(identity, 96)
    [(frames, masks)] = subject.render(subject.codes)
    assert frames.shape == (1, 96, 96, 3)
    assert masks.shape == (1, 96, 96)
    assert frames.dtype == masks.dtype == np.uint8
    assert 0.2 < (masks > 0).mean() < 0.9


def test_an_unknown_identity_is_named_in_the_error() -> None:
    with pytest.raises(
        ValueError,
        match="'nobody'; expected one of astronaut, hopper, astronaut-<n>, head-<n>, hopper-<n> with n from 0 to 9999",
    ):
        load_subject("nobody", 96)
