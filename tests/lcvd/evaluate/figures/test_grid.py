import pytest

from lcvd.evaluate.figures.grid import ROWS, pairs_of

LIGHTS = ["left", "right", "top"]


@pytest.mark.parametrize("people", [1, 2, 5, 30])
def test_as_many_people_and_lights_as_fit_are_shown(people):
    inputs = [f"clip-{number:02}" for number in range(people)]
    found = pairs_of(inputs, LIGHTS)
    assert len(found) == len(set(found)) == min(ROWS, people * len(LIGHTS))
    assert [clip for clip, _ in found] == sorted(clip for clip, _ in found)
    assert len({clip for clip, _ in found}) == min(ROWS, people)
    assert {light for _, light in found} == set(LIGHTS)
