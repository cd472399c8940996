"""Create a study's folder from result folders of `lcvd benchmark`."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.evaluate.result_folders import VIDEOS, find_result, read_result
from lcvd.light.presets import PRESETS, preset
from lcvd.relighting.media import IMAGES
from lcvd.render.views import lit_sphere
from lcvd.video.encode import write_browser

BALL = 256
"""Side in pixels of the ball that shows a preset light."""


def make_study(
    out: Path, methods: Mapping[str, Path], clips: Path, lights: Path | None = None, fps: float = 25.0
) -> int:
    """Write a new folder for `lcvd.app.study.material.open_study`; returns the number of shots.

    All videos are re-encoded with the same settings, so that container and codec don't reveal the method.

    Args:
        out: the folder to create.
        methods: result folders ``<clip>/<light>`` by name of the method (`lcvd.evaluate.result_folders`).
        clips: folder of the images or videos that the results were made from; a clip's first frame is the portrait.
        lights: folder of images ``<light>.png`` of the lights that are not presets.
        fps: frame rate of the videos.

    Raises:
        UsageError: `out` exists; there are no results; a method lacks a result of another one; or a clip or light has no
            image. The message lists everything that is missing.
    """
    if out.exists():
        raise UsageError(f"{out}: exists already, and studies aren't overwritten; choose another folder")
    shots = sorted({shot for folder in methods.values() for shot in _shots(folder)})
    if not shots:
        folders = ", ".join(map(str, methods.values()))
        raise UsageError(f"{folders}: no results; expected <clip>/<light>.mkv (docs/metrics.md)")
    clip_names, light_names = (dict.fromkeys(names) for names in zip(*shots, strict=True))
    results = {
        (method, *shot): path
        for method, folder in methods.items()
        for shot in shots
        if (path := find_result(folder, *shot))
    }
    portraits = {clip: path for clip in clip_names if (path := _portrait(clips, clip))}
    balls = {light: ball for light in light_names if (ball := _light(light, lights)) is not None}
    missing = [(method, *shot) for method in methods for shot in shots if (method, *shot) not in results]
    problems = [
        *(f"{methods[method] / clip / light}: missing" for method, clip, light in missing),
        *(f"{clips / clip}: no image or video" for clip in clip_names if clip not in portraits),
        *(f"light {light}: not a preset; put {light}.png into --lights" for light in light_names if light not in balls),
    ]
    if problems:
        raise UsageError("; ".join(problems))
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for clip, light in shots:
        name = f"{clip}_{light}"
        _save(part / "reference" / f"{name}.png", _first(portraits[clip]))
        _save(part / "light" / f"{name}.png", balls[light])
        for method in methods:
            write_browser(part / "videos" / method / f"{name}.mp4", read_result(results[method, clip, light]), fps)
    part.rename(out)
    return len(shots)


def _shots(folder: Path) -> set[tuple[str, str]]:
    """Pairs (clip, light) of a method's results."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of results")
    paths = [path for path in folder.glob("*/*") if path.is_dir() or path.suffix in VIDEOS]
    return {(path.parent.name, path.name if path.is_dir() else path.stem) for path in paths}


def _portrait(clips: Path, clip: str) -> Path | None:
    """The clip's media file; clips of animation are named ``<portrait>__<driving clip>``."""
    for stem in (clip, clip.partition("__")[0]):
        for ending in (*IMAGES, *VIDEOS):
            if (path := clips / f"{stem}{ending}").is_file():
                return path
    return None


def _light(name: str, folder: Path | None) -> Array | None:
    if folder is not None and (path := folder / f"{name}.png").is_file():
        return _first(path)
    return lit_sphere(preset(name), BALL) if name in PRESETS else None


def _first(path: Path) -> Array:
    if path.suffix.lower() in IMAGES:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    first: Array = next(read_result(path))[0]
    return first


def _save(path: Path, image: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
