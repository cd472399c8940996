"""LCVD itself as a method: the trained model, as section `evaluate` of the settings says."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from lcvd.cache.store import file_hash
from lcvd.errors import MissingFile, UsageError
from lcvd.evaluate.methods.base import Options, Shot
from lcvd.model.pipeline import LCVDPipeline


class Lcvd:
    """Generates the shot from its reference and the hints under the new light.

    Raises:
        MissingFile: the model isn't there.
    """

    animates: ClassVar[bool] = True

    def __init__(self, options: Options) -> None:
        if not options.model.is_dir():
            raise MissingFile(f"{options.model}: no such folder; name a trained model with --model")
        self._pipe = _pipe(options.model, str(options.device))
        self._sampling = self._pipe.sampling.resolved(options.settings.evaluate.overrides)
        files = sorted(path for path in options.model.rglob("*.safetensors"))
        self._weights = {path.relative_to(options.model).as_posix(): file_hash(path) for path in files}

    @property
    def size(self) -> int:
        """Side in pixels of what it generates."""
        return self._pipe.model.size

    def relight(self, shot: Shot) -> Iterator[NDArray[Any]]:
        """The generated frames; a shot of another size than the model's is refused.

        Raises:
            UsageError: the sizes differ.
        """
        if shot.size != self.size:
            raise UsageError(f"the model makes {self.size} px, the protocol asks for {shot.size}: set its size to that")
        latents = self._pipe(
            shot.conditioning,
            generator=shot.seed,
            guidance=self._sampling.guidance_for(),
            recipe=self._sampling.recipe_for(),
            output_type="latent",
        ).frames
        yield from self._pipe.shown(latents)

    def facts(self) -> dict[str, Any]:
        """How it samples, how large it is, and its weights' hashes."""
        model = self._pipe.model
        parameters = sum(weight.numel() for weight in model.trainable())
        return {**asdict(self._sampling), "size": model.size, "parameters": parameters, "weights": self._weights}


@functools.lru_cache(maxsize=1)
def _pipe(model: Path, device: str) -> LCVDPipeline:
    """One pipeline for all variants of one model."""
    pipe = LCVDPipeline.from_pretrained(model, device=device)
    pipe.set_progress_bar_config(disable=True)
    return pipe
