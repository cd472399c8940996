"""`lcvd.relight(...)`: animate and relight a portrait in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lcvd.config.io import load_settings
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.progress import Progress
from lcvd.relighting.light_sources import check_named, sources_of
from lcvd.relighting.options import SamplingOptions, SceneRequest
from lcvd.relighting.result import Relit
from lcvd.relighting.scene import Scene, scene_of

if TYPE_CHECKING:
    from lcvd.relighting.generate import Model

PARAMS = Path("params.yaml")
SCRATCH = Path(".lcvd")
TRAINED = "data/train/model"


def relight(
    portrait: Any,
    driving: Any = None,
    light: Any = "reference",
    checkpoint: Any = None,
    *,
    light_yaw: float = 0.0,
    guidance: float | None = None,
    likeness: float | None = None,
    seed: int = 0,
    recipe: str | None = None,
    steps: int | None = None,
    adapters: str | None = None,
    precision: str = "auto",
    preview: bool = False,
    settings: Settings | None = None,
    scratch: Path | str = SCRATCH,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    **wanted: Any,
) -> Relit:
    """Animate and relight the face of `portrait`.

    Args:
        portrait: path of an image or clip, PIL image, array (H, W, 3) uint8, or a reconstructed `Face`.
        driving: clip, folder of images, saved codes, ... that supplies the motion. Without it, a portrait clip keeps its
            own motion, and an image becomes 16 static frames. See `options.SceneRequest`.
        light: preset, ``orbit``, ``reference``, ``driving``, image of a lit face, environment map, SH file, keyframes, or
            an array (9, 3) or (N, 9, 3). See `light_sources.light_from`.
        checkpoint: model folder, ``small``, owner/name on a hub, or a loaded `LCVDPipeline` or `generate.Model`. None: see
            `checkpoint_here`.
        light_yaw: rotation of an environment map in degrees.
        guidance: strength of the target light. 1 is the network's own prediction.
        likeness: strength of the portrait. 1 is the network's own prediction.
        seed, recipe, steps, adapters: see `options.SamplingOptions`. For all sampling options except `seed`, None uses the
            model's own default, from its ``model_index.json``.
        precision: ``fp32``, ``bf16``, ``fp16``, or ``auto``: that of the model's file on a GPU, fp32 on a CPU.
        preview: use no model; the frames are the shading hints.
        settings: settings of the reconstruction. None: see `settings_here`.
        scratch: cache folder for reconstructions and latents, keyed by content.
        progress: called with (phase, done, total). cancel: called between network calls; returning True ends the call.
        wanted: further fields of `options.SceneRequest`: face, drive_face, portrait_at, start, end, fps, align, smooth,
            no_face.

    Raises:
        ClipError: a file is missing, unreadable, or shows no face.
        ValueError, TypeError: an argument is wrong; the message names it.
        ModelError: the checkpoint is not a model.
        Interrupted: cancelled; finished work is kept.
    """
    chosen = SamplingOptions(guidance, seed, recipe, steps, adapters, likeness)
    what = SceneRequest(portrait, driving, **wanted)
    check_named(light, light_yaw)
    model = None if preview else model_of(checkpoint_here() if checkpoint is None else checkpoint, precision)
    if model:
        chosen = SamplingOptions(seed=seed, **dataclasses.asdict(model.sampling(chosen)))
    scratch, settings = Path(scratch), settings or settings_here(model)
    if model:
        model.pipe.model.trained_on.check(settings.reconstruct, model.name)
    if progress:
        progress("reading", 0, 1)
    scene = scene_of(what, scratch, settings)
    lights = scene.light(light, scratch, settings, light_yaw)
    relit = Relit(scene, lights, settings, _sources(scene, light), _request(what, light, light_yaw))
    if progress:
        progress("reading", 1, 1)
    if model is None:
        return relit
    from lcvd.relighting.generate import latents_of

    latents = latents_of(scene, lights, model, chosen, scratch, progress, cancel)
    return dataclasses.replace(relit, model=model, sampling=chosen, latents=latents)


def model_of(checkpoint: Any, precision: str = "auto") -> Model:
    """Load a model from a folder or a hub (`Model.load`); a loaded `Model` is returned unchanged, in its own precision.

    Raises:
        ModelError: it is not a model.
    """
    from lcvd.relighting.generate import Model  # importing torch takes seconds, and a preview does not need it

    return checkpoint if isinstance(checkpoint, Model) else Model.load(checkpoint, precision)


def checkpoint_here() -> str:
    """The default checkpoint: the model that stage `train` wrote in the working folder if it exists, otherwise the included
    ``small``."""
    return TRAINED if Path(TRAINED).is_dir() else "small"


def settings_here(model: Model | None = None) -> Settings:
    """The settings of params.yaml in the working folder if it exists, otherwise of the demo profile with the preprocessing
    of the model's training data."""
    if PARAMS.exists():
        return load_settings(PARAMS)
    settings = profile("demo")
    if model is None:
        return settings
    return settings.model_copy(update={"reconstruct": model.pipe.model.trained_on.applied(settings.reconstruct)})


def _sources(scene: Scene, light: Any) -> list[dict[str, str]]:
    portrait, motion = scene.portrait, scene.motion
    found = [("portrait", portrait.media.name, portrait.media.sha256)]
    if motion.face is not portrait:
        found.append(("driving", motion.name, motion.sha256))
    found += [("light", name, sha256) for name, sha256 in sources_of(light)]
    return [{"role": role, "file": name, "sha256": sha256} for role, name, sha256 in found]


def _request(wanted: SceneRequest, light: Any, light_yaw: float) -> dict[str, Any]:
    """The fields of the request for the side file, with the light's file name instead of its path."""
    named = {name: value for name, value in vars(wanted).items() if name not in ("portrait", "driving")}
    if isinstance(light, (str, Path)):
        light = Path(light).name
    return {**named, "light": light.tolist() if isinstance(light, np.ndarray) else light, "light_yaw": light_yaw}
