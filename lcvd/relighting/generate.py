"""Sample the latents of a scene, and decode latents to frames. Interrupted sampling runs are resumed.

The latents of a whole clip are in memory (one value per 64 pixels); its frames are decoded a few at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors.torch import load_file, save_file
from torch import Tensor

from lcvd.array import Array
from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.device import default_device
from lcvd.model.conditioning import Conditioning
from lcvd.model.fingerprint import configuration, fingerprint
from lcvd.model.pipeline import Interrupted, LCVDPipeline
from lcvd.model.sampling import Sampling
from lcvd.model.sampling_state import StateFolder
from lcvd.progress import Progress
from lcvd.relighting.options import SamplingOptions
from lcvd.relighting.portrait import digest_of
from lcvd.relighting.scene import Scene
from lcvd.weights.strict import ModelError

CHUNK = 8
"""Number of frames decoded at once."""


@dataclass(frozen=True)
class Model:
    """A pipeline, its name for side files, and the hash of its weights."""

    pipe: LCVDPipeline
    name: str
    sha256: str

    @classmethod
    def load(cls, checkpoint: Any, precision: str = "auto") -> Model:
        """Load a model folder or a model on a hub, on the GPU if there is one, or wrap an `LCVDPipeline`.

        `precision`: see `lcvd.model.precision.dtype_for`.

        Raises:
            ModelError: it is not a model.
        """
        if isinstance(checkpoint, LCVDPipeline):
            pipe, name = checkpoint, "(pipeline in memory)"
        else:
            pipe = LCVDPipeline.from_pretrained(checkpoint, torch_dtype=precision, device=default_device())
            # Only the folder's name, because side files are published.
            name = Path(checkpoint).resolve().name if Path(checkpoint).is_dir() else str(checkpoint)
        pipe.set_progress_bar_config(disable=True)
        return cls(pipe, name, fingerprint(pipe.model))

    def sampling(self, options: SamplingOptions) -> Sampling:
        """The sampling parameters of one run: the options, completed by the model's own defaults.

        Raises:
            ModelError: the model lacks an adapter.
            UsageError: a value is out of range, or the recipe is unknown.
        """
        found = self.pipe.sampling.resolved(options.overrides)
        lacking = set(found.guidance_for().positive) - set(self.pipe.model.adapters)
        if lacking:
            raise ModelError(f"{self.name} has no adapter for {', '.join(sorted(lacking))}; choose other adapters")
        return found

    def windows(self, latents: Tensor, progress: Progress | None = None) -> Iterator[Array]:
        """Decode latents to frames (n, S, S, 3) uint8, `CHUNK` at a time."""
        done = 0
        for window in self.pipe.decode_uint8(latents, CHUNK):
            done += len(window)
            yield window
            if progress:
                progress("writing", done, len(latents))


def latents_of(
    scene: Scene,
    lights: Array,
    model: Model,
    options: SamplingOptions,
    scratch: Path,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Tensor:
    """Sample latents (N, C, h, w) of the scene under `lights` (N, 9, 3).

    Latents that were sampled before are read from `scratch`. An interrupted run is resumed and gives the same bytes. If another
    process samples the same latents, this call waits for it. Consecutive frames with equal motion and light are generated
    once, because separate noise would make them flicker.

    Raises:
        ModelError, UsageError: see `Model.sampling`.
        Interrupted: `cancel` returned True; the progress is kept.
    """
    sampling = model.sampling(options)
    frames, shown = scene.distinct_frames(lights)
    portrait, mask = scene.portrait.first(model.pipe.config.size)
    inputs = Conditioning.rendered(portrait, mask, scene.own, scene.codes.window(frames), lights[frames])
    key = _key(scene, inputs, lights, len(frames), model, {"seed": options.seed, **asdict(sampling)})
    work = scratch / "sampling" / key

    def advance(done: int, total: int) -> None:
        if cancel and cancel():
            raise Interrupted(f"cancelled after {done} of {total} network evaluations; they are kept")
        if progress:
            progress("sampling", done, total)

    def make(folder: Path) -> None:
        latents = model.pipe(
            inputs,
            generator=options.seed,
            guidance=sampling.guidance_for(),
            recipe=sampling.recipe_for(),
            output_type="latent",
            progress=advance,
            state_folder=StateFolder(work),
        ).frames
        save_file({"latents": latents.contiguous()}, folder / "latents.safetensors")

    work.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(work.with_suffix(".lock")):
        folder = Cache(scratch / "cache").entry("latents", key, make)
        shutil.rmtree(work, ignore_errors=True)
    return load_file(folder / "latents.safetensors")["latents"][shown]


def _key(
    scene: Scene, inputs: Conditioning, lights: Array, frames: int, model: Model, sampling: Mapping[str, Any]
) -> str:
    """Cache key of everything that affects the latents."""
    arrays = [inputs.reference, inputs.reference_mask, inputs.reference_hint, lights]
    parts = [part for part in model.pipe.components.values() if part is not None]
    sizes = {name: value for name, value in model.pipe.parts.config.items() if name != "sampling"}
    return key_of(
        arrays=[sha256(array.tobytes()).hexdigest() for array in arrays],
        codes=[digest_of(scene.own), digest_of(scene.codes)],
        frames=frames,
        model=model.sha256,
        configuration=[sizes, *map(configuration, parts)],
        device=model.pipe.device.type,
        sampling=sampling,
        code=code_key("lcvd.model.pipeline", alone=(__name__,)),
    )
