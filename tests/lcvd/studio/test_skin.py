"""Skin albedo by position: lips are redder, brows and lashes darker, freckles and stubble where they belong."""

from dataclasses import replace

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.studio.person import sample_person
from lcvd.studio.skin import BROWS, UPPER_LIDS, hair_coverage, landmark_positions, project_onto_line, skin_albedo

HEAD = load_head()
FAIR = replace(
    sample_person(3, HEAD), skin=np.array([0.76, 0.57, 0.47]), freckles=0.0, stubble=0.0, hair="short", brows=1.0
)
CHEEK = np.array([0.15, -0.1, 0.38])


def around(place: np.ndarray, width: float = 0.012) -> np.ndarray:
    return place + np.random.default_rng(0).uniform(-width, width, (400, 3))


def test_lips_are_redder_and_brows_and_lashes_darker_than_a_cheek() -> None:
    cheek = skin_albedo(around(CHEEK), FAIR, HEAD).mean(0)
    lip = skin_albedo(around(landmark_positions(HEAD, [0, 13]).mean(0), 0.003), FAIR, HEAD).mean(0)
    assert lip[0] / lip[1] > 1.15 * cheek[0] / cheek[1]
    brow = 0.5 * (landmark_positions(HEAD, [BROWS[0][0][2]]) + landmark_positions(HEAD, [BROWS[0][1][2]]))[0]
    assert skin_albedo(around(brow, 0.004), FAIR, HEAD).mean() < 0.75 * cheek.mean()
    lashes = landmark_positions(HEAD, [UPPER_LIDS[0][4]])[0]
    assert skin_albedo(around(lashes, 0.001), FAIR, HEAD).mean() < 0.4 * cheek.mean()


def test_stubble_darkens_the_jaw_and_not_the_forehead() -> None:
    bearded = replace(FAIR, stubble=1.0, hair_colour=np.array([0.06, 0.05, 0.04]))
    for place, darker in (((0.2, -0.28, 0.2), True), ((0.0, 0.25, 0.43), False)):
        plain, other = (skin_albedo(around(np.array(place)), person, HEAD).mean() for person in (FAIR, bearded))
        assert (other < 0.9 * plain) == darker


def test_freckles_are_few_dark_spots() -> None:
    positions = np.random.default_rng(1).uniform((-0.2, -0.1, 0.3), (0.2, 0.1, 0.45), (20000, 3))
    change = skin_albedo(positions, replace(FAIR, freckles=1.0), HEAD) / skin_albedo(positions, FAIR, HEAD)
    assert 0.005 < (change.mean(-1) < 0.95).mean() < 0.3
    assert change.max() <= 1 + 1e-6


@pytest.mark.parametrize(("hair", "crown"), [("bald", 0.0), ("short", 1.0), ("beanie", 1.0)])
def test_hair_covers_the_crown_and_not_the_face(hair: str, crown: float) -> None:
    share = hair_coverage(np.array([[0, 0.56, 0.0], CHEEK]), replace(FAIR, hair=hair))
    np.testing.assert_allclose(share, [crown, 0])


def test_points_are_projected_onto_a_polyline() -> None:
    far, along = project_onto_line(np.array([[0.5, 1, 0], [3, 0, 0]]), np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]))
    np.testing.assert_allclose(far, [1, 1])
    np.testing.assert_allclose(along, [0.25, 1])
