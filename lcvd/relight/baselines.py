"""What a relit video is held against: the truth where there is one, and what can be had without a trained model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.model.latents import LatentCodec
from lcvd.model.objective import to_signed
from lcvd.shading.crop import square_pictures
from lcvd.shards.sample import Sample
from lcvd.studio.clip import StudioClip

Array = NDArray[Any]
CHUNK = 16
GAIN = (0.2, 3.0)
"""Limits of how much darker or lighter `shading_ratio` makes a pixel."""
SOFT = 1 / 64
"""The ratio is blurred over this share of the picture's side, so that the edge of the hint doesn't show."""


def is_studio(sample: Sample) -> bool:
    """Whether the true relit video of the sample's clip can be rendered."""
    return sample.meta.address.startswith("studio:")


def true_relit(sample: Sample, light: str, size: int, count: int) -> tuple[Array, Array] | None:
    """What the `count` frames after the first truly look like under the preset `light`, (count, size, size, 3) uint8, and
    the true portrait (count, size, size) bool; None for a clip that isn't the studio's."""
    if not is_studio(sample):
        return None
    clip = replace(StudioClip.parse(sample.meta.address), light=light)
    wanted = range(sample.meta.start + 1, sample.meta.start + 1 + count)
    frames, masks = (np.concatenate(parts) for parts in zip(*clip.render(wanted), strict=True))
    square = sample.codes.square
    return square_pictures(frames, square, size), square_pictures(masks, square, size) > 127


def psnr(frames: Array, true: tuple[Array, Array] | None) -> float | None:
    """Decibels of `frames` (T, S, S, 3) uint8 against true ones, over all pixels of the true portraits; None without."""
    if true is None:
        return None
    error = (frames.astype(np.float64) - true[0])[true[1]]
    return float(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-6)))


@torch.inference_mode()
def round_trip(codec: LatentCodec, frames: Array, device: torch.device | str = "cpu") -> Array:
    """Frames (T, S, S, 3) uint8 encoded to latents and decoded again; `device` is where the codec's weights are."""
    parts = []
    for start in range(0, len(frames), CHUNK):
        given = to_signed(torch.from_numpy(frames[start : start + CHUNK]).to(device))
        decoded = codec.decode(codec.encode(given))
        parts.append(((decoded + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).cpu().numpy())
    return np.concatenate(parts)


def shading_ratio(picture: Array, own: Array, wanted: Array) -> Array:
    """A picture relit without any model: multiplied, where both hints show the face, by the ratio of their shadings.

    Args:
        picture: (S, S, 3) uint8.
        own: its shading hint under its own light, (S, S, 3) uint8, black around the face.
        wanted: the same under the light asked for.

    Returns:
        (S, S, 3) uint8.
    """
    face = ((own.max(-1) > 0) | (wanted.max(-1) > 0))[..., None]
    ratio = (wanted.astype(np.float32) + 1) / (own.astype(np.float32) + 1)
    gain = np.where(face, np.log(np.clip(ratio, *GAIN)), 0).astype(np.float32)
    gain = np.exp(cv2.GaussianBlur(gain, (0, 0), max(0.5, len(picture) * SOFT)))
    return np.rint(np.clip(picture * gain, 0, 255)).astype(np.uint8)
