"""LCVD itself as a method: the trained model, sampled as section `evaluate` of the settings says."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lcvd.array import Array
from lcvd.cache.store import file_hash
from lcvd.errors import UsageError
from lcvd.evaluate.inputs.base import VideoRequest
from lcvd.evaluate.methods.base import Method, Options
from lcvd.ledger.tally import timed


class Lcvd(Method):
    """Generates the video from the reference image and the hints under the target light.

    Raises:
        MissingFile: there is no model.
        ModelError: it was trained on hints of another head model.
    """

    title = "Model"
    meaning = "the relit video"
    animates = True

    def __init__(self, options: Options) -> None:
        self._pipe, folder = options.pipe, options.model
        self._pipe.model.trained_on.check(options.settings.reconstruct, folder.name)
        self._sampling = how = self._pipe.sampling.resolved(options.settings.evaluate.overrides)
        self.made = f"{how.recipe}, {how.steps} steps, guidance {float(how.guidance)}, likeness {float(how.likeness)}, {how.adapters}"
        files = sorted(folder.rglob("*.safetensors"))
        self._weights = {path.relative_to(folder).as_posix(): file_hash(path) for path in files}

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The generated frames.

        Raises:
            UsageError: the input has another size than the model's frames.
        """
        size, wanted = self._pipe.model.size, request.input.size
        if size != wanted:
            raise UsageError(f"the model makes {size} px, the protocol asks for {wanted}: set its size to that")
        with timed("sampler"):
            latents = self._pipe(
                request.conditioning,
                generator=request.seed,
                guidance=self._sampling.guidance_for(),
                recipe=self._sampling.recipe_for(),
                output_type="latent",
                progress=lambda done, total: request.progress(done / total),
            ).frames
        yield from self._pipe.decode_uint8(latents)

    def facts(self) -> dict[str, Any]:
        """How it samples, how large it is, and its weights' hashes."""
        model = self._pipe.model
        parameters = sum(weight.numel() for weight in model.trainable())
        size = {"size": model.size, "window": model.frames, "parameters": parameters}
        return {**asdict(self._sampling), **size, "codec": model.codec.description, "weights": self._weights}
