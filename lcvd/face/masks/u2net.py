"""Portrait masks by U²-Net human, run as published or as intended (spec C5, H4, H5). You must provide the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.weights.registry import weights_hash

if TYPE_CHECKING:
    from lcvd.face.u2net import U2Net

WEIGHTS = "u2net-human"
"""Name in the weights registry."""
SIDE, FULL, DILATION = 320, 512, 7
"""Side of the network's input, side of the published mask, and side of the square by which the mask is dilated, in pixels."""
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class U2NetMasker:
    """A masker, see `lcvd.face.masks.base.Masker`; `compat`: see `U2NetClipMasker`."""

    def __init__(self, compat: bool) -> None:
        self._compat = compat

    def weights(self) -> dict[str, str]:
        """See `Masker`."""
        return {WEIGHTS: weights_hash(WEIGHTS)}

    def start(self) -> U2NetClipMasker:
        """See `Masker`."""
        return U2NetClipMasker(self._compat)


class U2NetClipMasker:
    """The masker for one clip. As in the published code, frames are independent and holes aren't filled.

    `compat` reproduces two errors of the published preprocessing: only the first three pixel columns are normalised, and
    the network is in training mode, so that batch normalisation uses each frame's own statistics.

    Raises:
        MissingWeights: `network` is None and the published file is missing.
    """

    def __init__(self, compat: bool = False, network: U2Net | None = None) -> None:
        import torch  # here and below: slow to import, and the default masker doesn't need it

        from lcvd.device import default_device
        from lcvd.face.u2net import load_u2net

        self.compat = compat
        self.device = default_device()
        self.network = (network or load_u2net()).to(self.device).train(compat)
        for part in self.network.modules() if compat else ():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = 0.0  # don't update running statistics; in training mode no output depends on them

    def update(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `ClipMasker`."""
        size = window.shape[1]
        full = [grown(soft) for soft in self.maps(window)]
        if size != FULL:
            full = [cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA) for mask in full]
        return np.where(np.stack(full) > 127, np.uint8(255), np.uint8(0))

    def close(self) -> None:
        """Free the network."""
        del self.network

    def maps(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the fused maps (n, 320, 320) in (0, 1) of frames (n, S, S, 3) uint8 RGB."""
        import torch

        inputs = np.stack([prepared(image, self.compat) for image in window])
        with torch.inference_mode():
            batch = torch.from_numpy(inputs).to(self.device)
            parts = batch.split(1) if self.compat else [batch]
            return np.concatenate([self.network(part)[0][:, 0].cpu().numpy() for part in parts])


def prepared(image: NDArray[np.uint8], compat: bool) -> NDArray[np.float32]:
    """Return the network's input (3, 320, 320) for an image (S, S, 3) uint8 RGB."""
    small = cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE)).astype(np.float64)
    if compat:
        small /= 255
        for i in range(3):
            small[:, i] = (small[:, i] - _MEAN[i]) / _STD[i]
    else:
        small = (small / max(small.max(), 1.0) - _MEAN) / _STD
    return np.ascontiguousarray(small.transpose(2, 0, 1), np.float32)


def grown(soft: NDArray[np.float32]) -> Array:
    """Return the published mask (512, 512) float32 in [0, 255] of a fused map (320, 320).

    The map is stretched to [0, 1], thresholded at 0.5, enlarged and dilated. Its edge isn't binary (spec K7).
    """
    stretched = (soft - soft.min()) / max(float(soft.max() - soft.min()), 1e-8)
    binary = np.where(stretched > 0.5, np.float32(255), np.float32(0))
    return cv2.dilate(cv2.resize(binary, (FULL, FULL)), np.ones((DILATION, DILATION), np.uint8))
