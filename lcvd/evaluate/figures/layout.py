"""Figures as rows of images: as one PNG, or as a PNG per tile with an index for the report. Equal inputs give equal bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lcvd.array import Array
from lcvd.cache.atomic import write_text_whole, written_whole

INDEX = "figures.json"
TILE, GAP, LINE, LETTERS = 192, 4, 22, 13
"""Pixels in the single PNG: side of a tile, space between tiles, height of a line of text and of its letters."""


@dataclass(frozen=True)
class Tile:
    """An image (H, W, 3) uint8, the name of its file (for `write_tiles`), and a short text below it."""

    image: Array
    name: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """Tiles by the titles of their columns, in order."""

    label: str
    tiles: dict[str, Tile]


@dataclass(frozen=True)
class Figure:
    """Rows with the same columns."""

    name: str
    title: str
    caption: str
    rows: Sequence[Row]

    def plain(self) -> dict[str, Any]:
        """Its entry in the index."""
        rows = [
            {
                "label": row.label,
                "cells": [{"file": f"{tile.name}.png", "note": tile.note} for tile in row.tiles.values()],
            }
            for row in self.rows
        ]
        columns = list(self.rows[0].tiles)
        return {"name": self.name, "title": self.title, "caption": self.caption, "columns": columns, "rows": rows}


def write_tiles(folder: Path, clip: str, frame: int, figures: Sequence[Figure]) -> None:
    """Every tile as a PNG at its own size, and ``figures.json``; tiles of one name are one file."""
    folder.mkdir(parents=True, exist_ok=True)
    for tile in (tile for figure in figures for row in figure.rows for tile in row.tiles.values()):
        Image.fromarray(np.ascontiguousarray(tile.image)).save(folder / f"{tile.name}.png")
    index = {"clip": clip, "frame": frame, "figures": [figure.plain() for figure in figures]}
    write_text_whole(folder / INDEX, json.dumps(index, indent=1, sort_keys=True) + "\n")


def write_sheet(path: Path, rows: Sequence[Row]) -> None:
    """One PNG of all rows; each tile is the centre square of its image, `TILE` pixels wide."""
    columns = list(rows[0].tiles)
    height = LINE + TILE + GAP
    sheet = Image.new("RGB", (len(columns) * (TILE + GAP) + GAP, LINE + len(rows) * height), "white")
    # Pillow's own font lacks Greek letters.
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), LETTERS)
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(columns):
        left = GAP + number * (TILE + GAP)
        pen.text((left + TILE // 2, LINE // 2), _fitting(name, font), fill="black", font=font, anchor="mm")
    for line, row in enumerate(rows):
        top = LINE + line * height
        pen.text((GAP, top + LINE // 2), row.label, fill="#5b6470", font=font, anchor="lm")
        for number, name in enumerate(columns):
            tile = Image.fromarray(thumbnail(row.tiles[name].image))
            sheet.paste(tile, (GAP + number * (TILE + GAP), top + LINE))
    with written_whole(path) as temporary:
        sheet.save(temporary, "PNG")


def thumbnail(image: Array) -> Array:
    """The centre square of an image (H, W, 3), `TILE` pixels wide."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(image[top : top + side, left : left + side])
    return cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA if side > TILE else cv2.INTER_CUBIC)


def _fitting(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text, cut to a tile's width."""
    if font.getlength(text) <= TILE:
        return text
    while text and font.getlength(text + "…") > TILE:
        text = text[:-1]
    return text + "…"
