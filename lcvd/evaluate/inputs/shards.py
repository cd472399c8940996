"""Inputs from the test split: a clip's first frame is the reference, the following frames are the driving video (spec G).

The reference keeps its own light, like the first frame of a training window (spec B1, C8), and isn't measured.
"""

import functools
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.evaluate.inputs.base import Input, regions
from lcvd.evaluate.truth import Truth, true_relit
from lcvd.face.square import resize_masks
from lcvd.render.hints import WINDOW
from lcvd.shard.sample import Sample


def shard_input(sample: Sample, frames: int, size: int, scratch: Path) -> Input:
    """The clip of a sample: `frames` frames after its first, or as many as it has, `size` px.

    The ground truth of a studio clip is rendered on access, into the folder `scratch`.
    """
    count = frame_count(sample, frames)

    def driving() -> Iterator[Array]:
        return (_resized(window, size) for window in sample.windows(range(1, count + 1), WINDOW))

    def masked() -> Iterator[tuple[Array, Array]]:
        for part, window in zip(regions(count, WINDOW), driving(), strict=True):
            yield window, resize_masks(sample.masks([1 + frame for frame in part]), size)

    @functools.cache
    def truth(light: str) -> Truth | None:
        return true_relit(sample, light, size, count, scratch)

    parts = {name: sha256(data).hexdigest() for name, data in sample.parts.items()}
    return Input(
        sample.id,
        f"{sample.source}: {sample.id}",
        float(sample.meta.fps),
        sample.codes.window(range(1, count + 1)),
        _resized(sample.frames([0]), size)[0],
        resize_masks(sample.masks([0]), size)[0],
        sample.codes.window([0]),
        driving,
        masked,
        {"parts": parts, "frames": count, "size": size},
        {"identity": sample.meta.identity, "licence": sample.meta.licence},
        truth,
    )


def frame_count(sample: Sample, frames: int) -> int:
    """Number of frames to relight, without the reference."""
    return min(frames, sample.meta.frames - 1)


def _resized(images: Array, size: int) -> Array:
    if images.shape[1] == size:
        return images
    return np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images])
