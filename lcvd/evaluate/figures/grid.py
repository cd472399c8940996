"""The grid of an evaluation: the middle frame of each video, a row per input and light, a column per method (Figures 3 to 7)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lcvd.evaluate.figures.layout import TILE, Row, Tile, thumbnail
from lcvd.evaluate.inputs.base import Input, TargetLight
from lcvd.evaluate.result_folders import frame_of, read_result
from lcvd.render.views import lit_sphere

GRID = "grid.png"
ROWS = 8
"""Maximum number of rows in `GRID`."""


def pairs_of(inputs: Sequence[str], lights: Sequence[str]) -> list[tuple[str, str]]:
    """The (input, light) of each row, by input: first each input once, lights in turn, then the same with the next lights."""
    turns = [
        (number, lights[(number + turn) % len(lights)]) for turn in range(len(lights)) for number in range(len(inputs))
    ]
    return [(inputs[number], light) for number, light in sorted(turns[:ROWS], key=lambda pair: pair[0])]


def grid_row(source: Input, light: TargetLight, videos: Mapping[str, Path], *, animate: bool) -> Row:
    """A row of the grid: the inputs, then the middle frame of each method's video.

    Args:
        source: the input.
        light: the target light: its image is shown, or a sphere under it.
        videos: the methods' videos, by title.
        animate: the inputs are the reference and the driving frame, instead of a frame and a light.
    """
    at = source.codes.frames // 2
    frame = frame_of(source.frames(), at)
    if animate:
        given = {"Reference": source.reference, "Driving": frame}
    else:
        target = lit_sphere(light.sh, TILE) if light.image is None else light.image
        given = {"Input": frame, "Target light": target}
    made = {title: frame_of(read_result(path), at) for title, path in videos.items()}
    label = f"{source.id}, frame {at + 1}" if animate else f"{source.id}, {light.name}, frame {at + 1}"
    return Row(label, {title: Tile(thumbnail(image)) for title, image in (given | made).items()})
