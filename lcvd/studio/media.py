"""Studio clips as files: how stage `download` handles a ``studio:`` address."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.face.head import load_head
from lcvd.render.hints import hints_of
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264, write_lossless

CRF = 4


def make_clip(address: str, folder: Path) -> None:
    """Render the clip at `address` into `folder`.

    Writes ``media`` (H.264) and, in ``truth``, ``codes.safetensors`` (identity, expression, pose, camera and light of
    every frame), ``mask.mkv`` and ``hint.mkv`` (lossless).

    Raises:
        ValueError: see `StudioClip.parse`.
    """
    clip, truth = StudioClip.parse(address), folder / "truth"
    codes = clip.truth()
    truth.mkdir(parents=True, exist_ok=True)
    masks: list[NDArray[np.uint8]] = []

    def frames() -> Iterator[Array]:
        for window, mask in clip.render():
            masks.append(np.packbits(mask > 0, axis=-1))  # kept as one bit per pixel until the frames are written
            yield window

    write_h264(folder / "media", frames(), clip.fps, CRF)
    unpacked = (255 * np.unpackbits(part, axis=-1, count=clip.size) for part in masks)
    write_lossless(truth / "mask.mkv", unpacked, clip.fps)
    write_lossless(truth / "hint.mkv", hints_of(load_head(codes.head), codes, clip.size), clip.fps)
    codes.save(truth / "codes.safetensors", {"address": address})
