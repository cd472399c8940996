"""`lcvd.relight(...)`: a portrait, a motion and a light to a video, in one call."""

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
    preview: bool = False,
    settings: Settings | None = None,
    scratch: Path | str = SCRATCH,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    **wanted: Any,
) -> Relit:
    """Animate and relight the face of `portrait`.

    Args:
        portrait: picture or clip (path), PIL image, array (H,W,3) uint8, or a `Face` reconstructed before.
        driving: clip, folder of pictures, saved codes, ... whose motion is followed; without it a portrait clip keeps its
            own motion, and a picture is relit as it is, 16 frames long. See `options.SceneRequest`.
        light: preset, ``orbit``, ``reference``, ``driving``, picture of a lit face, environment map, SH file, keyframes, or
            an array (9,3) or (N,9,3). See `lights.light_from`; `light_yaw` turns an environment map, degrees.
        checkpoint: folder of a model, ``small``, owner/name on a hub, or a loaded `LCVDPipeline` or `generate.Model`; see
            `checkpoint_here` for None.
        guidance: strength of the target light. likeness: strength of the portrait; 1 is the network's own prediction.
        seed, recipe, steps, adapters: see `options.SamplingOptions`. Of all of these except `seed`, None takes the model's own
            default, from its ``model_index.json``.
        preview: no model: the frames are the shading hints.
        settings: how faces are reconstructed; None: params.yaml where there is one, else the demo profile's.
        scratch: folder that keeps what was reconstructed and sampled, by content.
        progress: told (phase, done, in all); see `sampling.Progress`. cancel: asked now and then; True ends the call.
        wanted: more of `options.SceneRequest`: face, drive_face, portrait_at, start, end, fps, align, smooth, no_face.

    Raises:
        ClipError: a file isn't there, can't be read, or shows no face. ValueError, TypeError: an argument is wrong; it is
            named. ModelError: the checkpoint is no model. Interrupted: cancelled; what was done is kept.
    """
    chosen, what = (
        SamplingOptions(guidance, seed, recipe, steps, adapters, likeness),
        SceneRequest(portrait, driving, **wanted),
    )
    check_named(light, light_yaw)
    model = None if preview else model_of(checkpoint_here() if checkpoint is None else checkpoint)
    if model:
        chosen = SamplingOptions(seed=seed, **dataclasses.asdict(model.sampling(chosen)))
    scratch, settings = Path(scratch), settings or settings_here()
    if progress:
        progress("reading", 0, 1)
    scene = scene_of(what, scratch, settings)
    lights = scene.light(light, scratch, settings, light_yaw)
    relit = Relit(scene, lights, settings, _sources(scene, light), _words(what, light, light_yaw))
    if progress:
        progress("reading", 1, 1)
    if model is None:
        return relit
    from lcvd.relighting.generate import latents_of

    latents = latents_of(scene, lights, model, chosen, scratch, progress, cancel)
    return dataclasses.replace(relit, model=model, sampling=chosen, latents=latents)


def model_of(checkpoint: Any) -> Model:
    """The model in a folder or on a hub, or a loaded one as it is; see `Model.load`.

    Raises:
        ModelError: it isn't a model.
    """
    from lcvd.relighting.generate import Model  # torch takes seconds to import, and a preview needs none

    return checkpoint if isinstance(checkpoint, Model) else Model.load(checkpoint)


def checkpoint_here() -> str:
    """What is taken where no checkpoint is named: the model that stage train left in the working folder, if there is one,
    else ``small``, which comes along."""
    return TRAINED if Path(TRAINED).is_dir() else "small"


def settings_here() -> Settings:
    """Of params.yaml in the working folder, where there is one, else the demo profile's."""
    return load_settings(PARAMS) if PARAMS.exists() else profile("demo")


def _sources(scene: Scene, light: Any) -> list[dict[str, str]]:
    portrait, motion = scene.portrait.media, scene.motion
    found = [("portrait", portrait.name, portrait.sha256)]
    if motion.face is not scene.portrait:
        found.append(("driving", motion.name, motion.sha256))
    found += [("light", name, sha256) for name, sha256 in sources_of(light)]
    return [{"role": role, "file": name, "sha256": sha256} for role, name, sha256 in found]


def _words(wanted: SceneRequest, light: Any, light_yaw: float) -> dict[str, Any]:
    words = {
        field.name: getattr(wanted, field.name)
        for field in dataclasses.fields(wanted)
        if field.name not in ("portrait", "driving")
    }
    named = Path(light).name if isinstance(light, (str, Path)) else light
    return {**words, "light": named.tolist() if isinstance(named, np.ndarray) else named, "light_yaw": light_yaw}
