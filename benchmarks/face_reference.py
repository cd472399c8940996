"""The structure of the published preprocessing: one frame at a time, PNG files between steps, both encoders (spec C, H,
K).

Written from the specification, without its detector, matting network and rasteriser, which the benchmarks exclude.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from skimage.transform import estimate_transform
from skimage.transform import warp as skimage_warp
from torch import Tensor, nn

from benchmarks.clock import Clock
from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head
from lcvd.render.rasterize import Fragments
from lcvd.render.sh import ALBEDO, CONSTANTS, MAX_IMAGE_NORMAL_Z

CROP = 224


@dataclass(frozen=True)
class FrameInputs:
    """Outputs of the excluded parts for one frame: crop square (centre and side in pixels), matte (320, 320) in [0, 1],
    and the rasterised fragments of the face list."""

    centre: Array
    side: float
    matte: Array
    fragments: Fragments


def published_list(faces: Array) -> Array:
    """Triangle indices as in the published list, which repeats most of them three times (spec C3)."""
    repeats = np.full(len(faces), 3)
    repeats[: len(faces) // 20], repeats[len(faces) // 20 : len(faces) // 10] = 1, 2
    return np.repeat(np.arange(len(faces)), repeats)


def write_frames(clip: Path, folder: Path, frames: int, size: int, clock: Clock) -> None:
    """Write every frame of a clip as a PNG file."""
    reader = cv2.VideoCapture(str(clip))
    for t in range(frames):
        with clock.part("decode"):
            image = Image.fromarray(reader.read()[1][..., ::-1]).resize((size, size))
        with clock.part("files"):
            image.save(folder / f"{t:05}.png")
    reader.release()


@torch.inference_mode()
def frame(
    t: int,
    folder: Path,
    inputs: FrameInputs,
    encoders: list[nn.Module],
    head: Head,
    codes: FaceCodes,
    faces: Tensor,
    clock: Clock,
) -> Array:
    """Crop, encode, mask and shade frame `t` of ``folder``; writes and returns the hint (S, S, 3) uint8.

    The hint is rendered from `codes`, because the output of encoders with random weights is meaningless.
    """
    with clock.part("files"):
        image = np.asarray(Image.open(folder / f"{t:05}.png"))
    with clock.part("warp"):
        half = inputs.side / 2
        corners = inputs.centre + np.array([[-half, -half], [-half, half], [half, -half]])
        transform = estimate_transform("similarity", corners, np.array([[0, 0], [0, CROP - 1], [CROP - 1, 0]]))
        crop = skimage_warp(image / 255.0, transform.inverse, output_shape=(CROP, CROP))
        batch = torch.from_numpy(crop.transpose(2, 0, 1).astype(np.float32))[None]
    with clock.part("encoder"):
        for encoder in encoders:
            encoder(batch)
    with clock.part("head"):
        vertices = head.vertices(codes.identity, codes.expression[t : t + 1], codes.pose[t : t + 1])
        ndc = place(vertices, codes.window([t]))
    with clock.part("render"):
        mesh, placed, light = (torch.from_numpy(part) for part in (vertices, ndc, codes.light[t : t + 1]))
        hint = shaded(mesh, placed, light, faces, inputs.fragments)
    with clock.part("mask"):
        matte = (inputs.matte - inputs.matte.min()) / (inputs.matte.max() - inputs.matte.min())
        large = cv2.resize(np.where(matte > 0.5, 255.0, 0.0), image.shape[:2])
        mask = cv2.dilate(large, np.ones((7, 7), np.uint8)).astype(np.uint8)
    with clock.part("files"):
        Image.fromarray(hint).save(folder / f"hint-{t:05}.png")
        Image.fromarray(np.repeat(mask[..., None], 3, axis=-1)).save(folder / f"mask-{t:05}.png")
    return hint


def shaded(vertices: Tensor, ndc: Tensor, light: Tensor, faces: Tensor, fragments: Fragments) -> Array:
    """The published rendering without its rasteriser: attributes of the repeated face list, interpolated over the whole
    image, then shaded. vertices and ndc (1, V, 3), light (1, 9, 3), faces (F, 3)."""
    both = torch.cat([_normals(vertices, faces), _normals(ndc, faces), vertices], -1)
    attributes = both[:, faces].flatten(0, 1)  # one copy per face, corner and channel
    index = torch.from_numpy(fragments.face_index).long()
    seen = index >= 0
    flat = attributes.gather(0, index.clamp(min=0).reshape(-1, 1, 1).expand(-1, *attributes.shape[1:]))
    bary = torch.from_numpy(fragments.bary).unsqueeze(-1)
    pixels = (bary * flat.view(*index.shape, 3, -1)).sum(-2)
    pixels = torch.where(seen[..., None], pixels, torch.zeros(())).permute(0, 3, 1, 2)
    x, y, z, away = pixels[:, 0], pixels[:, 1], pixels[:, 2], pixels[:, 5]
    terms = torch.stack([torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], 1)
    terms = terms * torch.tensor(CONSTANTS).float()[None, :, None, None]
    shading = (light[:, :, :, None, None] * terms[:, :, None]).sum(1)
    alpha = (seen & (away < MAX_IMAGE_NORMAL_Z)).float()
    image = (ALBEDO * shading * alpha[:, None]).clamp(0, 1)
    return (image[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy()


def _normals(points: Tensor, faces: Tensor) -> Tensor:
    corners = points[:, faces]
    cross = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    total = torch.zeros_like(points)
    for k in range(3):
        total.index_add_(1, faces[:, k], cross)
    return nn.functional.normalize(total, eps=1e-6, dim=-1)
