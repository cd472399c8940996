import numpy as np
import pytest
from PIL import Image

from lcvd.evaluate.figures.grid import GAP, LINE, ROWS, TILE, Row, pairs_of, write_grid

LIGHTS = ["left", "right", "top"]


def tile_of(sheet, row, column):
    """The pixels of a tile of a written picture."""
    top, left = LINE + row * (LINE + TILE + GAP) + LINE, GAP + column * (TILE + GAP)
    return sheet[top : top + TILE, left : left + TILE]


@pytest.mark.parametrize("people", [1, 2, 5, 30])
def test_as_many_people_and_lights_as_fit_are_shown(people):
    inputs = [f"clip-{number:02}" for number in range(people)]
    found = pairs_of(inputs, LIGHTS)
    assert len(found) == len(set(found)) == min(ROWS, people * len(LIGHTS))
    assert [clip for clip, _ in found] == sorted(clip for clip, _ in found)
    assert len({clip for clip, _ in found}) == min(ROWS, people)
    assert {light for _, light in found} == set(LIGHTS)


def test_every_tile_stands_where_row_and_column_say(tmp_path):
    rng = np.random.default_rng(0)
    names = ["Input", "Target light", "ω = 2", "a method whose title is far too long for one column of the picture"]
    rows = [Row(str(n), {name: rng.integers(0, 256, (TILE, TILE, 3), np.uint8) for name in names}) for n in range(2)]
    for name in "ab":
        write_grid(tmp_path / name / "grid.png", rows)
    assert (tmp_path / "a" / "grid.png").read_bytes() == (tmp_path / "b" / "grid.png").read_bytes()
    sheet = np.asarray(Image.open(tmp_path / "a" / "grid.png"))
    for number, row in enumerate(rows):
        for column, name in enumerate(names):
            np.testing.assert_array_equal(tile_of(sheet, number, column), row.tiles[name])
    heads = sheet[:LINE, :, 0]
    for column in range(len(names)):
        left = GAP + column * (TILE + GAP)
        assert (heads[:, left : left + TILE] < 128).any(), "every column has its name"
        assert (heads[:, left + TILE : left + TILE + GAP] == 255).all(), "which ends with it"
