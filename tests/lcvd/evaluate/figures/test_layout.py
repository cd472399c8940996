import json

import numpy as np
from PIL import Image

from lcvd.evaluate.figures.layout import GAP, INDEX, LINE, TILE, Figure, Row, Tile, write_sheet, write_tiles


def tile_of(sheet, row, column):
    """The pixels of a tile of a written picture."""
    top, left = LINE + row * (LINE + TILE + GAP) + LINE, GAP + column * (TILE + GAP)
    return sheet[top : top + TILE, left : left + TILE]


def test_every_tile_stands_where_row_and_column_say(tmp_path):
    rng = np.random.default_rng(0)
    names = ["Input", "Target light", "ω = 2", "a method whose title is far too long for one column of the picture"]
    rows = [
        Row(str(n), {name: Tile(rng.integers(0, 256, (TILE, TILE, 3), np.uint8)) for name in names}) for n in range(2)
    ]
    for name in "ab":
        write_sheet(tmp_path / name / "grid.png", rows)
    assert (tmp_path / "a" / "grid.png").read_bytes() == (tmp_path / "b" / "grid.png").read_bytes()
    sheet = np.asarray(Image.open(tmp_path / "a" / "grid.png"))
    for number, row in enumerate(rows):
        for column, name in enumerate(names):
            np.testing.assert_array_equal(tile_of(sheet, number, column), row.tiles[name].image)
    heads = sheet[:LINE, :, 0]
    for column in range(len(names)):
        left = GAP + column * (TILE + GAP)
        assert (heads[:, left : left + TILE] < 128).any(), "every column has its name"
        assert (heads[:, left + TILE : left + TILE + GAP] == 255).all(), "which ends with it"


def test_the_index_names_a_file_for_every_tile(tmp_path):
    dark, bright = (Tile(np.full((8, 8, 3), level, np.uint8), name) for level, name in ((0, "dark"), (255, "bright")))
    rows = [Row("left", {"Reference": dark, "Result": bright}), Row("right", {"Reference": dark, "Result": dark})]
    write_tiles(tmp_path, "clip", 4, [Figure("lights", "Lights", "Two lights.", rows)])
    index = json.loads((tmp_path / INDEX).read_text())
    [figure] = index["figures"]
    assert (index["clip"], index["frame"], figure["columns"]) == ("clip", 4, ["Reference", "Result"])
    assert [[cell["file"] for cell in row["cells"]] for row in figure["rows"]] == [
        ["dark.png", "bright.png"],
        ["dark.png"] * 2,
    ]
    assert {path.name for path in tmp_path.iterdir()} == {INDEX, "dark.png", "bright.png"}
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "bright.png")), bright.image)
