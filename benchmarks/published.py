"""Shading hints of the published system next to those of the open head model, for the same reference, motion and target
light.

``python -m benchmarks.published shading.mp4 --light target.png --out figure.png``, where the first is an intermediate
file of the published code (spec C8). The footage shows real people, so the figure must be outside the project.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.clips import clip_of_file, reconstruct
from lcvd.array import Array
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

SIDE = 512
COLUMNS = ("reference", "mask", "driving", "landmarks", "shading")
"""Columns of the intermediate file, each of them square."""


def figure(path: Path, light: str, scratch: Path) -> Image.Image:
    """The published system's hints of a driving clip next to ours, for the same reference, motion and target light."""
    settings, side = profile("paper"), probe(path).height
    boxes = {name: (i * side, 0, (i + 1) * side, side) for i, name in enumerate(COLUMNS)}
    portrait_codes, driving_codes = (
        reconstruct(clip_of_file(path, crop=boxes[name]), scratch, settings) for name in ("reference", "driving")
    )
    target_light = light_from(light, scratch / "light", settings)
    # Frame 0 of the file is the reference; the driving clip starts with frame 1.
    driving_codes = driving_codes.window(slice(1, None))
    frame_numbers = shown_frames(driving_codes.frames)
    head = load_head(driving_codes.head)
    ours = align(portrait_codes, driving_codes, "relative-code").window(frame_numbers)
    images = np.stack(list(read(Clip("", "", path, "", 0, driving_codes.frames + 1, 1, 5 * side, side, None, "", ""),
                                  [t + 1 for t in frame_numbers])))  # fmt: skip
    published = {name: images[:, :, box[0] : box[2]] for name, box in boxes.items()}
    rows = {
        "driving": published["driving"],
        "published": published["shading"],
        "ours": in_frame(np.concatenate(list(hints_of(head, ours, SIDE, target_light))), ours.square, side),
        "ours, own": in_frame(
            np.concatenate(list(hints_of(head, driving_codes.window(frame_numbers), SIDE))), driving_codes.square, side
        ),
    }
    title = "hints: published (DECA, FLAME) and open head, same reference, motion and light; last row: the driving clip's own"
    return contact_sheet(title, list(rows.values()), list(rows), [f"frame {t}" for t in frame_numbers])


def in_frame(hints: Array, square: Array, side: int) -> Array:
    """Hints of a square, placed in frames of side `side`."""
    x0, y0, extent = (int(value) for value in square)
    out = np.zeros((len(hints), side, side, 3), np.uint8)
    whole = np.array([0, 0, hints.shape[1]])
    out[:, y0 : y0 + extent, x0 : x0 + extent] = square_pictures(hints, whole, extent)
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the published system's shading.mp4")
    parser.add_argument("--light", required=True, help="target light: an image of a lit face")
    parser.add_argument("--out", required=True, type=Path, help="the figure (PNG)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        save_png(options.out, figure(options.file, options.light, Path(scratch)))


if __name__ == "__main__":
    main()
