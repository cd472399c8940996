"""The published LE's light: DECA's estimate on each frame, over a crop around that frame's own landmarks (spec C1, G)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.face.deca import DecaCodes, encode, load_encoder
from lcvd.face.deca_crop import crops_of, warp
from lcvd.weights.registry import require

Array = NDArray[Any]
NAME = "LE"
WEIGHTS = "deca"
WINDOW = 16


class DecaLight:
    """Finds lights with E_flame of the published DECA.

    Raises:
        MissingWeights: its file isn't there.
        ModelError: the file isn't DECA's.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._device = device
        self._encoder = load_encoder(require(WEIGHTS), device)

    def __call__(self, frames: Array, landmarks: Array, present: Array) -> Array:
        """Lights (T, 9, 3) float32 of frames (T, H, W, 3) uint8 RGB, each found on its own.

        A frame without a face has no crop; its light is NaN, where the published preprocessing would take one from the
        whole picture.

        Args:
            frames: any number of frames, `WINDOW` of which are on the device at once.
            landmarks: (T, 68, 2) or MediaPipe's (T, 478, 2 or more), in pixels.
            present: (T,) bool, whether a frame's landmarks were found.
        """
        lights = np.full((len(frames), 9, 3), np.nan, np.float32)
        seen = np.flatnonzero(present)
        crops = crops_of(landmarks, present, *frames.shape[1:3])
        for at in (seen[i : i + WINDOW] for i in range(0, len(seen), WINDOW)):
            parameters = encode(self._encoder, warp(frames[at], crops[at], self._device))
            lights[at] = DecaCodes.split(parameters).light.float().cpu().numpy()
        return lights
