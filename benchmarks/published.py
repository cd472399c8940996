"""The published system's shading hints beside the open head's: same reference, same motion, same target light.

``python -m benchmarks.published shading.mp4 --light target.png --out figure.png``, where the first is the published code's
intermediate file (spec C8). Footage shows real people: the figure must lie outside the project.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.clips import codes_of, reconstruct
from lcvd.config.profiles import profile
from lcvd.face.align import align
from lcvd.face.head import load_head
from lcvd.face.square import square_pictures
from lcvd.reconstruct.contact_sheet import contact_sheet, save_png
from lcvd.reconstruct.stage import shown_frames
from lcvd.relighting.light_sources import light_from
from lcvd.render.hints import hints_of
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.probe import probe

Array = NDArray[Any]
SIDE = 512
COLUMNS = ("reference", "mask", "driving", "landmarks", "shading")
"""Of the intermediate file, each as wide as high."""


def figure(path: Path, light: str, scratch: Path) -> Image.Image:
    """The published system's hints of a driving clip beside ours, of the same reference, motion and target light."""
    settings, side = profile("paper"), probe(path).height
    boxes = {name: (i * side, 0, (i + 1) * side, side) for i, name in enumerate(COLUMNS)}
    portrait, driving = (reconstruct(path, scratch, settings, boxes[name]) for name in ("reference", "driving"))
    wanted = light_from(light, scratch / "light", settings)
    # Their frame 0 is the reference itself; the driving clip begins with frame 1.
    moving = codes_of(driving, scratch).window(slice(1, None))
    shown = shown_frames(moving.frames)
    head = load_head(moving.head)
    ours = align(codes_of(portrait, scratch), moving, "relative-code").window(shown)
    pictures = np.stack(list(read(Clip("", "", path, "", 0, moving.frames + 1, 1, 5 * side, side, None, "", ""),
                                  [t + 1 for t in shown])))  # fmt: skip
    published = {name: pictures[:, :, box[0] : box[2]] for name, box in boxes.items()}
    rows = {
        "driving": published["driving"],
        "published": published["shading"],
        "ours": in_frame(np.concatenate(list(hints_of(head, ours, SIDE, wanted))), ours.square, side),
        "ours, own": in_frame(np.concatenate(list(hints_of(head, moving.window(shown), SIDE))), moving.square, side),
    }
    title = "hints: published (DECA, FLAME) and the open head, same reference, motion and light; last: the driving clip's own"
    return contact_sheet(title, list(rows.values()), list(rows), [f"frame {t}" for t in shown])


def in_frame(hints: Array, square: Array, side: int) -> Array:
    """Hints of a square at their place in frames of `side`."""
    x0, y0, extent = (int(value) for value in square)
    out = np.zeros((len(hints), side, side, 3), np.uint8)
    whole = np.array([0, 0, hints.shape[1]])
    out[:, y0 : y0 + extent, x0 : x0 + extent] = square_pictures(hints, whole, extent)
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the published system's shading.mp4")
    parser.add_argument("--light", required=True, help="its target light: a picture of a lit face")
    parser.add_argument("--out", required=True, type=Path, help="the figure (PNG)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        save_png(options.out, figure(options.file, options.light, Path(scratch)))


if __name__ == "__main__":
    main()
