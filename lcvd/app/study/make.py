"""A study's folder from folders of results, as `lcvd benchmark` makes and takes them."""

from __future__ import annotations

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
"""Pixels of the ball that shows a preset light."""


def make_study(
    out: Path, methods: Mapping[str, Path], clips: Path, lights: Path | None = None, fps: float = 25.0
) -> int:
    """Write a new folder for `lcvd.app.study.material.open_study`; returns the number of shots.

    Every video is encoded anew in the same way, so that neither its container nor its codec tells whose it is.

    Args:
        out: the folder; it mustn't be there yet.
        methods: folder of results ``<clip>/<light>`` of each method (`lcvd.evaluate.result_folders`), by name.
        clips: pictures or videos of which the results were made; a clip's first frame is the portrait.
        lights: pictures of the lights that are no presets, ``<light>.png``.
        fps: frames a second.

    Raises:
        UsageError: `out` is there.
        UsageError: no results, a method lacks one that another has, or a clip or light has no picture; all are named.
    """
    if out.exists():
        raise UsageError(f"{out}: is there already; a study that has begun isn't changed, so name another folder")
    shots = sorted({shot for folder in methods.values() for shot in _shots(folder)})
    if not shots:
        raise UsageError(
            f"{', '.join(map(str, methods.values()))}: no results; expected <clip>/<light>.mkv (docs/metrics.md)"
        )
    found = {(name, *shot): find_result(folder, *shot) for name, folder in methods.items() for shot in shots}
    problems = [
        f"{methods[name] / clip / light}: missing" for (name, clip, light), path in found.items() if path is None
    ]
    portraits = {clip: _portrait(clips, clip) for clip, _ in shots}
    problems += [f"{clips / clip}: no picture and no video" for clip, path in portraits.items() if path is None]
    shown = {light: _light(light, lights) for _, light in shots}
    problems += [
        f"light {name}: no preset; put {name}.png into --lights" for name, each in shown.items() if each is None
    ]
    if problems:
        raise UsageError("; ".join(problems))
    aside = out.with_name(f".{out.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    for clip, light in shots:
        portrait, ball, name = portraits[clip], shown[light], f"{clip}_{light}"
        assert portrait is not None
        assert ball is not None
        _save(aside / "reference" / f"{name}.png", _first(portrait))
        _save(aside / "light" / f"{name}.png", ball)
        for method in methods:
            path = found[(method, clip, light)]
            assert path is not None
            write_browser(aside / "videos" / method / f"{name}.mp4", read_result(path), fps)
    aside.rename(out)
    return len(shots)


def _shots(folder: Path) -> set[tuple[str, str]]:
    """(clip, light) of a method's results."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of results")
    paths = [path for path in folder.glob("*/*") if path.is_dir() or path.suffix in VIDEOS]
    return {(path.parent.name, path.name if path.is_dir() else path.stem) for path in paths}


def _portrait(clips: Path, clip: str) -> Path | None:
    """The clip's media file; in animation the clip is ``<portrait>__<driving clip>``."""
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


def _save(path: Path, picture: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
