"""One picture of what a protocol's methods made, laid out as the paper's Figures 3 to 7: a row a video, a column a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lcvd.cache.atomic import written_whole
from lcvd.evaluate.inputs import Input, Light
from lcvd.evaluate.result_folders import read_result
from lcvd.render.views import lit_sphere

Array = NDArray[Any]
GRID = "grid.png"
ROWS = 8
"""Most rows of the picture: as many people and lights as fit."""
TILE, GAP, LINE, LETTERS = 192, 4, 22, 13
"""Pixels: side of a tile, space between tiles, height of a line of text and of its letters."""


@dataclass(frozen=True)
class Row:
    """One video at the moment shown: tiles (`TILE`, `TILE`, 3) uint8 by the column's name, in order."""

    label: str
    tiles: dict[str, Array]


def pairs_of(inputs: Sequence[str], lights: Sequence[str]) -> list[tuple[str, str]]:
    """The (input, light) that are shown, by input: first each input once, lights in turn, then the same with the next lights."""
    turns = [
        (number, lights[(number + turn) % len(lights)]) for turn in range(len(lights)) for number in range(len(inputs))
    ]
    return [(inputs[number], light) for number, light in sorted(turns[:ROWS], key=lambda pair: pair[0])]


def row_of(source: Input, light: Light, results: Mapping[str, Path], *, animate: bool) -> Row:
    """The middle frame of one video: what is given, then what each method made of it.

    Args:
        source: what is relit, or followed.
        light: the light asked for: its picture is shown, or a ball under it.
        results: the methods' videos, by title.
        animate: portrait and driving frame are given, instead of a frame and a light.
    """
    at = source.codes.frames // 2
    frame = _frame(source.windows(), at)
    if animate:
        given = {"Reference": source.portrait.first(source.size)[0], "Driving": frame}
    else:
        target = lit_sphere(light.light, TILE) if light.picture is None else light.picture
        given = {"Input": frame, "Target light": target}
    made = {title: _frame(read_result(path), at) for title, path in results.items()}
    label = f"{source.id}, frame {at + 1}" if animate else f"{source.id}, {light.name}, frame {at + 1}"
    return Row(label, {name: _tile(picture) for name, picture in (given | made).items()})


def write_grid(path: Path, rows: Sequence[Row]) -> None:
    """The picture, a PNG. Equal rows give equal bytes. All rows have the same columns."""
    columns = list(rows[0].tiles)
    height = LINE + TILE + GAP
    sheet = Image.new("RGB", (len(columns) * (TILE + GAP) + GAP, LINE + len(rows) * height), "white")
    # Pillow's own font lacks Greek letters.
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), LETTERS)
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(columns):
        place = GAP + number * (TILE + GAP) + TILE // 2
        pen.text((place, LINE // 2), _fitting(name, font), fill="black", font=font, anchor="mm")
    for line, row in enumerate(rows):
        top = LINE + line * height
        pen.text((GAP, top + LINE // 2), row.label, fill="#5b6470", font=font, anchor="lm")
        for number, name in enumerate(columns):
            sheet.paste(Image.fromarray(row.tiles[name]), (GAP + number * (TILE + GAP), top + LINE))
    with written_whole(path) as temporary:
        sheet.save(temporary, "PNG")


def _frame(windows: Iterable[Array], at: int) -> Array:
    start = 0
    for window in windows:
        if at < start + len(window):
            frame: Array = window[at - start]
            return frame
        start += len(window)
    raise ValueError(f"a video of {start} frames has none of number {at}")


def _tile(picture: Array) -> Array:
    """The square in the middle of a picture (H, W, 3), at a tile's size."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    shrinks = side > TILE
    return cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _fitting(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text, cut where a tile ends."""
    if font.getlength(text) <= TILE:
        return text
    while text and font.getlength(text + "…") > TILE:
        text = text[:-1]
    return text + "…"
