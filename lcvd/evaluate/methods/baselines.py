"""Baselines that need no training, and upper bounds of what can be measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lcvd.array import Array
from lcvd.evaluate.inputs.base import VideoRequest, repeated
from lcvd.evaluate.methods.base import Method, Options
from lcvd.model.latents import LatentCodec
from lcvd.model.objective import to_signed
from lcvd.render.hints import WINDOW

CHUNK = 16
"""Number of frames that the codec processes at once."""


class Driving(Method):
    """The input itself, under its own light."""

    title = "Input (unmodified)"
    meaning = "the real frames under their own light: perfect identity, no relighting"
    relights, animates, ranked = False, True, False

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The input's frames."""
        return request.input.frames()


class Copy(Method):
    """The reference image, repeated."""

    title = "Reference copied"
    meaning = "the reference frame, repeated: no motion, no relighting"
    relights, animates, ranked = False, True, False

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The reference, once for each frame of the input."""
        return repeated(request.input.reference, request.input.codes.frames, WINDOW)


class Codec(Method):
    """The input's frames through the model's latent codec."""

    title = "Codec round trip"
    meaning = "the driving frames encoded and decoded by the latent codec: an upper bound for models with this codec"
    relights, ranked = False, False

    def __init__(self, options: Options) -> None:
        self._codec, self._device = options.pipe.model.codec, options.pipe.device

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The input's frames, encoded and decoded."""
        return (round_trip(self._codec, window, self._device) for window in request.input.frames())

    def facts(self) -> dict[str, Any]:
        """The description of the codec."""
        return {"codec": self._codec.description}


class TrueClip(Method):
    """The studio's rendering under the target light."""

    title = "True relit clip"
    meaning = "the studio's rendering under the target light: the result of a perfect model (studio clips only)"
    ranked, needs_truth = False, True

    def existing(self, request: VideoRequest) -> Path | None:
        """The rendered video."""
        truth = request.input.truth(request.light.name)
        return truth.frames if truth else None


class HintItself(Method):
    """The grey shading hint."""

    title = "Hint itself"
    meaning = "the grey shading hint: the lowest error that the light fit can report"
    animates, ranked, shows_person = True, False, False

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The hints under the target light."""
        return request.hints.windows()


@torch.inference_mode()
def round_trip(codec: LatentCodec, frames: Array, device: torch.device | str = "cpu") -> Array:
    """Frames (T, S, S, 3) uint8 encoded to latents and decoded again; `device` is where the codec's weights are."""
    parts = []
    for start in range(0, len(frames), CHUNK):
        given = to_signed(torch.from_numpy(frames[start : start + CHUNK]).to(device))
        decoded = codec.decode(codec.encode(given))
        parts.append(((decoded + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).cpu().numpy())
    return np.concatenate(parts)
