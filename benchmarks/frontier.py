"""Time against quality of many sampling recipes on the overfitted model: what the named recipes were chosen by.

Quality is measured where the truth is known: PSNR inside the portrait and LE, under the clip's own light and another. Detail is
the video's Laplacian over the truth's. Seams are told by the error of the frame-to-frame change (the video's less the truth's,
so that motion doesn't count) at the borders of the windows over that elsewhere: 1 is no seam. Drift is the PSNR of the last quarter less that of the first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.overfit import CLIP, Scene, relit, settings_of
from lcvd.evaluate.truth import psnr
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import RECIPES, Recipe
from lcvd.model.windows import windows_at
from lcvd.studio.clip import MOVING, StudioClip

Array = NDArray[Any]
FRAMES = 36
"""Frames of each video: seven of the demo model's windows by the published rule."""
LAST = 3
"""Steps at the end whose window borders are looked at."""
STRANGER = StudioClip("hopper", seed=1, light=MOVING, frames=FRAMES + 1, size=128)
"""Somebody whom the model doesn't know: its windows disagree there, which is what seams come from."""
COLUMNS = ("recipe", "evaluations", "seconds", "psnr", "le", "detail", "seam", "drift")


def fresh_pipeline() -> LCVDPipeline:
    """The overfitted model's architecture with first weights: as fast, and good for nothing else."""
    settings = settings_of()
    return LCVDPipeline.of(LCVD.fresh(settings.train.model, settings.seed))


def recipes() -> dict[str, Recipe]:
    """What is measured: the named recipes, then solver by steps, windows by overlap, and guidance intervals."""
    wanted = [Recipe(steps) for steps in (6, 10, 15)] + [Recipe(steps, "dpmpp") for steps in (10, 15)]
    wanted += [Recipe(25, windows="shifted", overlap=overlap) for overlap in (1, 2)]
    short = Recipe(10, windows="shifted", overlap=1)
    wanted += [short, replace(short, solver="dpmpp"), replace(short, overlap=2)]
    wanted += [replace(short, interval=bounds) for bounds in ((0.5, 20.0), (0.2, 50.0), (1.0, 700.0))]
    found = dict(RECIPES)
    return found | {label(recipe): recipe for recipe in wanted if recipe not in found.values()}


def label(recipe: Recipe) -> str:
    """A recipe in words."""
    windows = recipe.windows + (f" {recipe.overlap}" if recipe.overlap else "")
    guided = f", guided {recipe.interval[0]:g}-{recipe.interval[1]:g}" if recipe.interval else ""
    return f"{recipe.solver} {recipe.steps}, {windows}{guided}"


def borders(windows_WT: Tensor) -> list[int]:
    """Pairs (i, i+1) of frames after the reference between which a window begins or ends, by their first index."""
    last = int(windows_WT.max())
    begins, ends = windows_WT[:, 1].tolist(), windows_WT[:, -1].tolist()
    return sorted({place - 2 for place in begins if place > 1} | {place - 1 for place in ends if place < last})


def worst_seam(video: Array, scene: Scene, recipe: Recipe, length: int, overlap: int) -> float:
    """The strongest seam at the borders of any of the last steps, which have no later step to mend them."""
    frames, steps = len(video) + 1, range(max(recipe.steps - LAST, 0), recipe.steps)
    rules = [windows_at(recipe.windows, frames, length, recipe.overlap or overlap, step) for step in steps]
    return max(seam(video, scene, borders(windows)) for windows in rules)


def seam(video: Array, scene: Scene, places: list[int]) -> float:
    """Error of the change at `places` over the error elsewhere, inside the portrait."""
    truth, masks = scene.frames[1 : len(video) + 1].astype(float), scene.masks[1 : len(video) + 1] > 127
    change = np.diff(video.astype(float), axis=0) - np.diff(truth, axis=0)
    error = np.array([np.abs(one[mask]).mean() for one, mask in zip(change, masks[1:], strict=True)])
    inside = np.ones(len(error), bool)
    inside[places] = False
    return float(error[~inside].mean() / error[inside].mean())


def detail(video: Array) -> float:
    """Mean absolute Laplacian of the grey picture: PSNR alone would praise blur."""
    return float(np.mean([np.abs(cv2.Laplacian(frame.mean(axis=2), cv2.CV_64F)).mean() for frame in video]))


def drift(video: Array, scene: Scene) -> float:
    """PSNR of the last quarter of a video less that of its first, dB."""
    part, count = len(video) // 4, len(video)
    masks = scene.masks[1 : count + 1] > 127
    first, last = (
        psnr(video[where], (scene.frames[1 : count + 1][where], masks[where]))
        for where in (slice(0, part), slice(count - part, count))
    )
    return float((last or 0) - (first or 0))


def measure(pipe: LCVDPipeline, own: Scene, scenes: Iterable[Scene], recipe: Recipe) -> dict[str, Any]:
    """One row of the table: `own` moved under the light of `scenes`; means over these."""
    rows: list[int] = []
    seconds, scored, seams, drifts, details = [], [], [], [], []
    for scene in scenes:
        began = time.perf_counter()
        video = relit(pipe, own, scene, recipe, FRAMES, progress=lambda _, total: rows.append(total))
        seconds.append(time.perf_counter() - began)
        scored.append(scene.score(video))
        seams.append(worst_seam(video, scene, recipe, pipe.config.frames, pipe.config.overlap))
        details.append(detail(video) / detail(scene.frames[1 : len(video) + 1]))
        drifts.append(drift(video, scene))
    return {
        "evaluations": rows[-1],
        "seconds": round(float(np.median(seconds)), 2),
        "psnr": round(float(np.mean([one["psnr"] for one in scored])), 2),
        "le": round(float(np.mean([one["le"] for one in scored])), 3),
        "detail": round(float(np.mean(details)), 2),
        "seam": round(float(np.mean(seams)), 2),
        "drift": round(float(np.mean(drifts)), 2),
    }


def table(found: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += [f"| {name} | " + " | ".join(str(row[key]) for key in COLUMNS[1:]) + " |" for name, row in found.items()]
    return "\n".join(lines) + "\n"


def measured(
    pipe: LCVDPipeline, own: Scene, scenes: Iterable[Scene], wanted: dict[str, Recipe], file: Path
) -> dict[str, Any]:
    """All `wanted` recipes, written to `file` as they come."""
    found: dict[str, Any] = {}
    for name, recipe in wanted.items():
        found[name] = measure(pipe, own, scenes, recipe)
        print(f"{name:36}", "  ".join(f"{key} {value}" for key, value in found[name].items()), flush=True)
        file.write_text(table(found), encoding="utf-8")
    return found


def window_rules() -> dict[str, Recipe]:
    """The window rules at one number of steps."""
    wanted = [Recipe(10, overlap=overlap) for overlap in (3, 2, 1)]
    wanted += [Recipe(10, windows="shifted", overlap=overlap) for overlap in (3, 2, 1)]
    return {label(recipe): recipe for recipe in wanted}


def run(pipe: LCVDPipeline, folder: Path) -> dict[str, Any]:
    """Measure all; write ``frontier.md``, ``windows.md`` and ``frontier.png`` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [Scene(replace(CLIP, light=light)) for light in (MOVING, "right")]
    relit(pipe, scenes[0], scenes[0], Recipe(1), FRAMES)  # warms up
    stranger = Scene(STRANGER)
    rules = measured(pipe, stranger, [stranger], window_rules(), folder / "windows.md")
    found = measured(pipe, scenes[0], scenes, recipes(), folder / "frontier.md")
    plot(folder / "frontier.png", found)
    return {"benchmark": "frontier", "recipes": found, "windows": rules}


def plot(path: Path, found: dict[str, Any]) -> None:
    """Evaluations against PSNR, LE and detail; named recipes stand out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = {
        "psnr": "PSNR, dB (higher is better)",
        "le": "LE (lower is better)",
        "detail": "detail (1: as the truth)",
    }
    for axis, (key, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for name, row in found.items():
            named = name in RECIPES
            colour = "tab:red" if named else "tab:blue" if "dpmpp" in name else "tab:gray"
            axis.scatter(row["evaluations"], row[key], s=60 if named else 20, color=colour, zorder=3 if named else 2)
        for (name, recipe), offset in zip(RECIPES.items(), ((0, 10), (0, -16), (0, 10)), strict=True):
            row = found[name]
            side = "center" if recipe.interval else "right"
            place = row["evaluations"], row[key]
            axis.annotate(name, place, textcoords="offset points", xytext=offset, ha=side)
        axis.set_xlabel(f"evaluations of the network ({FRAMES} frames)")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    figure.suptitle("Recipes on the overfitted model: red named, blue DPM-Solver++, grey Euler")
    figure.savefig(path, dpi=100)
