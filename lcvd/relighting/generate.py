"""Scenes to latents and latents to frames: long videos a few frames at a time, ended runs continued.

The latents of a whole clip stay in memory (a 64th of its pixels), its pixels never do.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.model.call_arguments import conditions_of
from lcvd.model.fingerprint import configuration, fingerprint
from lcvd.model.pipeline import Interrupted, LCVDPipeline
from lcvd.model.recipe import recipe_of
from lcvd.model.sampling_state import Kept
from lcvd.relighting.options import Progress, SamplingOptions
from lcvd.relighting.portrait import digest_of
from lcvd.relighting.scene import Scene
from lcvd.render.hints import Hints
from lcvd.render.warp import WarpedReference
from lcvd.weights.strict import ModelError

Array = NDArray[Any]
CHUNK = 8
"""Frames decoded at once."""


@dataclass(frozen=True)
class Model:
    """A pipeline, what it is called in side files, and the hash of its weights."""

    pipe: LCVDPipeline
    name: str
    sha256: str

    @classmethod
    def of(cls, pipe: LCVDPipeline, name: str) -> Model:
        """Around a loaded pipeline; its weights are hashed."""
        pipe.set_progress_bar_config(disable=True)
        return cls(pipe, name, fingerprint(pipe.model))

    @classmethod
    def load(cls, checkpoint: Any) -> Model:
        """The model in a folder or on a hub, on a GPU where there is one, or around an `LCVDPipeline`.

        Raises:
            ModelError: it isn't a model.
        """
        if isinstance(checkpoint, LCVDPipeline):
            return cls.of(checkpoint, "(pipeline in memory)")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        pipe = LCVDPipeline.from_pretrained(checkpoint, device=device)
        # Of a folder its last part: where it lies is nobody's business.
        return cls.of(pipe, Path(checkpoint).resolve().name if Path(checkpoint).is_dir() else str(checkpoint))

    def check(self, sampling: SamplingOptions) -> None:
        """See, before time is spent, that the model can be sampled so.

        Raises:
            ModelError: it lacks an adapter. ValueError: there is no such recipe.
        """
        recipe_of(sampling.recipe, sampling.steps)
        lacking = set(conditions_of(sampling.adapters)["positive"]) - set(self.pipe.model.adapters)
        if lacking:
            raise ModelError(f"{self.name}: has no adapter for {', '.join(sorted(lacking))}; choose other adapters")

    def windows(self, latents: Tensor, progress: Progress | None = None) -> Iterator[Array]:
        """Frames (n, S, S, 3) uint8 of latents, `CHUNK` at a time."""
        done = 0
        for window in self.pipe.shown(latents, CHUNK):
            done += len(window)
            yield window
            if progress:
                progress("writing", done, len(latents))


def latents_of(
    scene: Scene,
    lights: Array,
    model: Model,
    sampling: SamplingOptions,
    scratch: Path,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Tensor:
    """Latents (N,C,h,w) of the scene under `lights` (N,9,3).

    What was sampled before is found below `scratch`, keyed by everything that decides it; what was begun goes on, to
    the same bytes. Somebody who samples the same elsewhere is waited for. Frames that show the same picture are made once:
    each would have noise of its own, and flicker.

    Raises:
        Interrupted: `cancel` said so; what is done is kept.
    """
    size = model.pipe.config.size
    picture, mask, hint = reference = scene.reference(size)
    made, shown = scene.pictures(lights)
    key = _key(scene, reference, lights, len(made), model, sampling)
    work = scratch / "sampling" / key
    conditions: dict[str, Any] = dict(conditions_of(sampling.adapters))

    def advance(done: int, total: int) -> None:
        if cancel and cancel():
            raise Interrupted(f"cancelled after {done} of {total} evaluations of the network; they are kept")
        if progress:
            progress("sampling", done, total)

    def make(folder: Path) -> None:
        latents = model.pipe(
            picture,
            mask,
            hint,
            Hints(scene.head, scene.codes.window(made), size, lights[made]),
            guidance=sampling.guidance,
            likeness=sampling.likeness,
            generator=sampling.seed,
            recipe=sampling.recipe,
            steps=sampling.steps,
            warped_reference=WarpedReference(scene.head, picture, scene.own, scene.codes.window(made)),
            output_type="latent",
            progress=advance,
            kept=Kept(work),
            **conditions,
        ).frames
        save_file({"latents": latents.contiguous()}, folder / "latents.safetensors")

    work.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(work.with_suffix(".lock")):
        folder = Cache(scratch / "cache").entry("latents", key, make)
        shutil.rmtree(work, ignore_errors=True)
    return load_file(folder / "latents.safetensors")["latents"][shown]


def _key(
    scene: Scene, reference: tuple[Array, ...], lights: Array, made: int, model: Model, sampling: SamplingOptions
) -> str:
    """Of everything that decides the latents."""
    named = dict(zip(("picture", "mask", "hint", "lights"), (*reference, lights), strict=True))
    pixels = {name: sha256(array.tobytes()).hexdigest() for name, array in named.items()}
    parts = [part for part in model.pipe.components.values() if part is not None]
    return key_of(
        **pixels,
        codes=[digest_of(scene.own), digest_of(scene.codes)],
        frames=made,
        model=model.sha256,
        configuration=[model.pipe.parts.sizes, *map(configuration, parts)],
        device=model.pipe.device.type,
        sampling=asdict(sampling),
        code=code_key("lcvd.model.pipeline", "lcvd.render.hints", "lcvd.render.warp", alone=(__name__,)),
    )
