"""Contact sheets: an overview image of a clip's reconstruction."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lcvd.face.codes import FaceCodes
from lcvd.face.draw import draw_mesh, draw_points
from lcvd.face.heads import HeadModel, posed
from lcvd.render.hints import shade_surface, surface_of, to_uint8
from lcvd.render.views import coverage_images, normal_images

CELL = 192
GAP = 4
MARGIN_LEFT, MARGIN_TOP = 84, 46
PAPER, INK, FAINT = (20, 21, 24), (235, 236, 240), (150, 153, 160)
ROWS = ("frame", "mask", "landmarks", "mesh", "normals", "coverage", "hint")


def sheet_rows(
    head: HeadModel,
    codes: FaceCodes,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
) -> list[NDArray[np.uint8]]:
    """Render the rows `ROWS` of a sheet, each (n, S, S, 3) uint8, for n frames.

    `codes` are the codes of the n frames, `images` (n, S, S, 3) uint8 their square crops, `masks` (n, S', S') uint8 are
    255 on the person, `landmarks` (n, L, 2) are in pixels of the crops and NaN for a frame without a face.
    """
    size = images.shape[1]
    vertices, ndc = posed(head, codes)
    surface = surface_of(vertices, ndc, head.hint_faces, size, head.hint_weights)
    pixels = (ndc[..., :2] + 1) * (size / 2)
    shown = np.stack([cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST) for mask in masks])
    person = np.where(shown[..., None] > 127, images, (images * 0.12).astype(np.uint8))
    dots = [
        image.copy() if np.isnan(points).any() else draw_points(image, points)
        for image, points in zip(images, landmarks, strict=True)
    ]
    meshes = [draw_mesh(image, points, head.hint_faces) for image, points in zip(images, pixels, strict=True)]
    seen = [normal_images(surface), coverage_images(surface), to_uint8(shade_surface(surface, codes.light))]
    return [images, person, np.stack(dots), np.stack(meshes), *seen]


def contact_sheet(
    title: str, rows: Sequence[NDArray[np.uint8]], names: Sequence[str], columns: Sequence[str]
) -> Image.Image:
    """Return an image with `rows` (n, S, S, 3) below each other, labelled with `names` on the left and `columns` above."""
    count = len(columns)
    width = MARGIN_LEFT + count * (CELL + GAP)
    canvas = Image.new("RGB", (width, MARGIN_TOP + len(rows) * (CELL + GAP)), PAPER)
    draw = ImageDraw.Draw(canvas)
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    draw.text((10, 5), title, INK, large)
    for i, name in enumerate(columns):
        draw.text((MARGIN_LEFT + i * (CELL + GAP) + CELL / 2, MARGIN_TOP - 5), name, FAINT, small, anchor="ms")
    for j, (row, name) in enumerate(zip(rows, names, strict=True)):
        top = MARGIN_TOP + j * (CELL + GAP)
        draw.text((MARGIN_LEFT - 10, top + CELL / 2), name, FAINT, small, anchor="rm")
        for i, image in enumerate(row):
            how = cv2.INTER_AREA if image.shape[0] >= CELL else cv2.INTER_CUBIC
            cell = cv2.resize(image, (CELL, CELL), interpolation=how)
            canvas.paste(Image.fromarray(cell), (MARGIN_LEFT + i * (CELL + GAP), top))
    return canvas


def save_png(path: Path, image: Image.Image) -> None:
    """Write a PNG. Equal images give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=False)
