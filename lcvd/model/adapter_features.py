"""Adapter features of a video, computed for the requested frames and cached up to a memory limit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lcvd.model.images import Images
from lcvd.model.lcvd import LCVD

CHUNK = 16
KEPT_BYTES = 1_000_000_000
"""Limit of the features cached on the device. Features of frames beyond it are computed on every request."""


class AdapterFeatures:
    """Features of the reference, and of each condition that changes from frame to frame.

    Features don't depend on the noise level, so those of the first frames are computed once and cached. Computing the features
    of a frame costs a fiftieth of the network at full size, so recomputing the rest costs little and bounds the memory.

    Args:
        reference: (3,H,W) in [-1,1], the same for all frames; None if the reference adapter isn't used, or its images are in
            `moving`.
        moving: images by the name of their condition, one per frame.
    """

    def __init__(
        self,
        model: LCVD,
        reference: Tensor | None,
        moving: Mapping[str, Images],
        device: torch.device,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._model, self._moving, self._device = model, dict(moving), device
        self._still: dict[str, Tensor] = {}
        if reference is not None:
            self._still = model.features({"reference": reference[None, None].to(device, self._dtype)})
        self._kept = {name: self._first(name, kept_bytes // len(moving)) for name in moving}

    def of(self, frames_RT: Tensor) -> dict[str, Tensor]:
        """Features by condition: (R,T,c,h,w), or (1,1,c,h,w) if they are the same for all frames."""
        found = dict(self._still)
        for name, kept in self._kept.items():
            flat = frames_RT.flatten()
            if len(flat) and int(flat.max()) < len(kept):
                features = kept[flat.to(kept.device)]
            else:
                features = torch.cat([self._computed(name, part) for part in flat.split(CHUNK)])
            found[name] = features.unflatten(0, frames_RT.shape)
        return found

    @property
    def _dtype(self) -> torch.dtype:
        return next(self._model.adapters.parameters()).dtype

    def _first(self, name: str, kept_bytes: int) -> Tensor:
        """Features of the first frames, as many as fit into `kept_bytes`."""
        one = self._computed(name, torch.tensor([0]))
        count = min(len(self._moving[name]), kept_bytes // (one.numel() * one.element_size()))
        kept = one.new_empty((count, *one.shape[1:]))
        for part in torch.arange(count).split(CHUNK):
            kept[part[0] : part[-1] + 1] = self._computed(name, part)
        return kept

    def _computed(self, name: str, indices_n: Tensor) -> Tensor:
        pictures = self._moving[name].at(indices_n).to(self._device, self._dtype)
        if name == "reference":
            pictures = 2 * pictures - 1  # the value range of the reference adapter
        return self._model.features({name: pictures[None]})[name][0]
