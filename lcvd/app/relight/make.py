"""The page's jobs: reconstruct the uploaded files, and render one frame or the whole clip."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from lcvd.app.relight.light import LightInput
from lcvd.app.relight.sessions import Session
from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.face.square import square_pictures
from lcvd.progress import Progress
from lcvd.relighting.api import relight
from lcvd.relighting.media import IMAGES
from lcvd.relighting.motion import Motion
from lcvd.relighting.options import SceneRequest
from lcvd.relighting.output.provenance import side_path
from lcvd.relighting.scene import Scene, scene_of
from lcvd.video.decode import read
from lcvd.video.encode import write_browser

if TYPE_CHECKING:
    from lcvd.relighting.generate import Model

Cancel = Callable[[], bool]
LONGEST = 60.0
"""Maximum length in seconds of a clip, so that one job does not block the queue for hours."""
_WINDOW = 16


class ReadInput(BaseModel):
    """The part of the clip to use, in seconds."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    start: float = Field(default=0.0, ge=0, le=36000)
    seconds: float = Field(default=4.0, gt=0, le=LONGEST)


class RenderInput(BaseModel):
    """A rendering request: one frame or all (`whole`), by the model or as shading hints (`hints`)."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    light: LightInput
    whole: bool
    hints: bool = False
    frame: int = Field(default=0, ge=0)
    guidance: float | None = Field(default=None, ge=0, le=20)
    likeness: float | None = Field(default=None, ge=0, le=20)
    seed: int = Field(default=0, ge=0, lt=2**31)
    steps: int | None = Field(default=None, ge=1, le=1000)


@dataclass(frozen=True)
class Maker:
    """Runs the jobs of all sessions with one model and one set of settings."""

    model: Model
    settings: Settings

    def read(self, session: Session, wanted: ReadInput, progress: Progress, cancel: Cancel) -> dict[str, Any]:
        """Reconstruct the session's portrait and clip, and set its scene.

        Raises:
            ClipError, ValueError: see `scene_of`.
        """
        progress("reading", 0, 1)
        portrait, driving = session.files["portrait"], session.files.get("driving")
        scratch = session.folder / "scratch"
        still = driving is None and portrait.suffix.lower() in IMAGES
        start, end = (0.0, None) if still else (wanted.start, wanted.start + wanted.seconds)
        scene = scene_of(SceneRequest(portrait, driving, start=start, end=end), scratch, self.settings)
        if cancel():
            raise UsageError("cancelled")
        session.scene = scene
        progress("reading", 1, 1)
        return {"frames": scene.frames, "fps": round(scene.motion.fps, 3), "bridged": int(scene.motion.bridged.sum())}

    def render(self, session: Session, wanted: RenderInput, progress: Progress, cancel: Cancel) -> dict[str, Any]:
        """Render a frame or the clip; returns the ids of the files.

        Raises:
            ModelError, ValueError: see `relight` and `LightInput.coefficients`.
        """
        scene = session.scene
        if scene is None:
            raise UsageError("there is no portrait; choose one first")
        light = wanted.light.coefficients(scene.portrait.codes.light[0], session.environment)
        motion = scene.motion if wanted.whole else _moment(scene.motion, wanted.frame)
        found = relight(
            scene.portrait,
            motion,
            light,
            self.model,
            preview=wanted.hints,
            settings=self.settings,
            scratch=session.folder / "scratch",
            progress=progress,
            cancel=cancel,
            **wanted.model_dump(include={"guidance", "likeness", "seed", "steps"}),
        )
        controls = wanted.light.model_dump()
        if session.environment is not None and wanted.light.base == "map":
            controls["map"] = session.files["map"].name
        found = dataclasses.replace(found, request=found.request | {"controls": controls})
        folder = session.folder / "results"
        folder.mkdir(exist_ok=True)
        if not wanted.whole:
            path = _unused(folder / "frame.png")
            Image.fromarray(found.frames[0]).save(path)
            return {"picture": session.offer(path), "hints": wanted.hints}
        path = _unused(folder / ("hints.mp4" if wanted.hints else "relit.mp4"))
        made = found.save(path, progress=progress, cancel=cancel)
        source = path.with_name(f"{path.stem}-source.mp4")
        write_browser(source, _source(scene, found.size), scene.motion.fps)
        files = {"video": path, "side_file": side_path(path), "source": source}
        ids = {name: session.offer(file) for name, file in files.items()}
        return {**ids, "frames": made["output"]["frames"], "hints": wanted.hints}


def _source(scene: Scene, size: int) -> Iterator[Array]:
    """The video to show next to the result, (n, size, size, 3): the driving clip's square crop, or the portrait."""
    face = scene.motion.face
    if face is None:
        yield np.repeat(scene.portrait.first(size)[0][None], scene.frames, axis=0)
        return
    for start in range(0, scene.frames, _WINDOW):
        places = scene.motion.places[start : start + _WINDOW].tolist()
        yield square_pictures(read(face.clip, places), face.codes.square, size)


def _moment(motion: Motion, frame: int) -> Motion:
    """A single frame of the motion.

    Raises:
        UsageError: the frame doesn't exist.
    """
    if frame >= motion.codes.frames:
        raise UsageError(f"frame: expected 0 to {motion.codes.frames - 1}, got {frame}")
    return motion.part(np.array([frame]))


def _unused(path: Path) -> Path:
    """The path with a number appended that no earlier result has."""
    numbers = (path.with_stem(f"{path.stem}-{number}") for number in range(1, 1_000_000))
    return next(candidate for candidate in numbers if not candidate.exists())
