"""Speed and quality of many sampling recipes on the overfitted model; the named recipes were chosen from these results.

Quality is measured against ground truth, under the clip's own light and another one: PSNR inside the portrait mask, and
LE. Detail is the Laplacian of the video divided by that of the ground truth. A seam is the error of the frame-to-frame
change (relative to the ground truth, so that motion does not count) at window borders, divided by the error elsewhere;
1 means no seam. Drift is the PSNR of the last quarter minus that of the first.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from benchmarks.clock import rounded, timed
from benchmarks.overfit import CLIP, Scene, relight_scene, settings_of
from lcvd.array import Array
from lcvd.evaluate.truth import psnr
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import RECIPES, Recipe
from lcvd.model.windows import windows
from lcvd.studio.clip import MOVING, StudioClip

FRAMES = 36
"""Frames per video: seven windows of the demo model by the published rule."""
LAST = 3
"""Number of final steps whose window borders are examined."""
UNSEEN_CLIP = StudioClip("hopper", seed=1, light=MOVING, frames=FRAMES + 1, size=128)
"""A person unknown to the model. Its windows disagree there, which causes seams."""
COLUMNS = ("recipe", "evaluations", "seconds", "psnr", "le", "detail", "seam", "drift")


def fresh_pipeline() -> LCVDPipeline:
    """The architecture of the overfitted model with initial weights: equally fast, but without meaningful output."""
    settings = settings_of()
    return LCVDPipeline.of(LCVD.fresh(settings.train.model, settings.seed))


def recipes() -> dict[str, Recipe]:
    """The measured recipes: the named ones, then solvers by number of steps, windows by overlap, and guidance
    intervals."""
    wanted = [Recipe(steps) for steps in (6, 10, 15)] + [Recipe(steps, "dpmpp") for steps in (10, 15)]
    wanted += [Recipe(25, windows="shifted", overlap=overlap) for overlap in (1, 2)]
    short = Recipe(10, windows="shifted", overlap=1)
    wanted += [short, replace(short, solver="dpmpp"), replace(short, overlap=2)]
    wanted += [replace(short, interval=bounds) for bounds in ((0.5, 20.0), (0.2, 50.0), (1.0, 700.0))]
    found = dict(RECIPES)
    return found | {label(recipe): recipe for recipe in wanted if recipe not in found.values()}


def label(recipe: Recipe) -> str:
    """A recipe as text."""
    windows = recipe.windows + (f" {recipe.overlap}" if recipe.overlap else "")
    guided = f", guided {recipe.interval[0]:g}-{recipe.interval[1]:g}" if recipe.interval else ""
    return f"{recipe.solver} {recipe.steps}, {windows}{guided}"


def borders(windows_WT: Tensor) -> list[int]:
    """First indices i of the pairs (i, i+1) of frames after the reference between which a window starts or ends."""
    last = int(windows_WT.max())
    begins, ends = windows_WT[:, 1].tolist(), windows_WT[:, -1].tolist()
    return sorted(
        {position - 2 for position in begins if position > 1} | {position - 1 for position in ends if position < last}
    )


def worst_seam(video: Array, scene: Scene, recipe: Recipe, length: int, overlap: int) -> float:
    """The strongest seam at the window borders of the last steps, which no later step can smooth."""
    frames, steps = len(video) + 1, range(max(recipe.steps - LAST, 0), recipe.steps)
    rules = [windows(frames, length, recipe.overlap or overlap, recipe.windows, step) for step in steps]
    return max(seam(video, scene, borders(indices)) for indices in rules)


def seam(video: Array, scene: Scene, indices: list[int]) -> float:
    """Error of the frame-to-frame change at `indices` divided by the error elsewhere, inside the portrait mask."""
    truth, masks = scene.frames[1 : len(video) + 1].astype(float), scene.masks[1 : len(video) + 1] > 127
    change = np.diff(video.astype(float), axis=0) - np.diff(truth, axis=0)
    error = np.array([np.abs(one[mask]).mean() for one, mask in zip(change, masks[1:], strict=True)])
    inside = np.ones(len(error), bool)
    inside[indices] = False
    return float(error[~inside].mean() / error[inside].mean())


def detail(video: Array) -> float:
    """Mean absolute Laplacian of the grey image; PSNR alone would favour blur."""
    return float(np.mean([np.abs(cv2.Laplacian(frame.mean(axis=2), cv2.CV_64F)).mean() for frame in video]))


def drift(video: Array, scene: Scene) -> float:
    """PSNR in dB of the last quarter of a video minus that of the first."""
    part, count = len(video) // 4, len(video)
    masks = scene.masks[1 : count + 1] > 127
    first, last = (
        psnr(video[where], (scene.frames[1 : count + 1][where], masks[where]))
        for where in (slice(0, part), slice(count - part, count))
    )
    return float((last or 0) - (first or 0))


def measure(pipe: LCVDPipeline, source: Scene, scenes: Iterable[Scene], recipe: Recipe) -> dict[str, Any]:
    """One row of the table: `source` animated under the light of `scenes`; means over these."""
    rows: list[int] = []
    seconds, found = [], []
    for scene in scenes:
        work = partial(relight_scene, pipe, source, scene, recipe, FRAMES, progress=lambda _, total: rows.append(total))
        spent, video = timed(work)
        seconds.append(spent)
        sharpness = detail(video) / detail(scene.frames[1 : len(video) + 1])
        worst = worst_seam(video, scene, recipe, pipe.config.frames, pipe.config.overlap)
        found.append(scene.score(video) | {"detail": sharpness, "seam": worst, "drift": drift(video, scene)})
    means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    median = round(float(np.median(seconds)), 2)
    return {"evaluations": rows[-1], "seconds": median} | rounded(means, 2) | {"le": round(means["le"], 3)}


def table(found: dict[str, Any]) -> str:
    """The rows as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += [f"| {name} | " + " | ".join(str(row[key]) for key in COLUMNS[1:]) + " |" for name, row in found.items()]
    return "\n".join(lines) + "\n"


def measure_all(
    pipe: LCVDPipeline, source: Scene, scenes: Iterable[Scene], wanted: dict[str, Recipe], file: Path
) -> dict[str, Any]:
    """Measure all `wanted` recipes; `file` is updated after each one."""
    found: dict[str, Any] = {}
    for name, recipe in wanted.items():
        found[name] = measure(pipe, source, scenes, recipe)
        print(f"{name:36}", "  ".join(f"{key} {value}" for key, value in found[name].items()), flush=True)
        file.write_text(table(found), encoding="utf-8")
    return found


def window_rules() -> dict[str, Recipe]:
    """The window rules with an equal number of steps."""
    wanted = [Recipe(10, overlap=overlap) for overlap in (3, 2, 1)]
    wanted += [Recipe(10, windows="shifted", overlap=overlap) for overlap in (3, 2, 1)]
    return {label(recipe): recipe for recipe in wanted}


def run(pipe: LCVDPipeline, folder: Path) -> dict[str, Any]:
    """Measure all recipes; write ``frontier.md``, ``windows.md`` and ``frontier.png`` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [Scene(replace(CLIP, light=light)) for light in (MOVING, "right")]
    relight_scene(pipe, scenes[0], scenes[0], Recipe(1), FRAMES)  # warm-up
    unseen = Scene(UNSEEN_CLIP)
    rules = measure_all(pipe, unseen, [unseen], window_rules(), folder / "windows.md")
    found = measure_all(pipe, scenes[0], scenes, recipes(), folder / "frontier.md")
    plot(folder / "frontier.png", found)
    return {"benchmark": "frontier", "recipes": found, "windows": rules}


def plot(path: Path, found: dict[str, Any]) -> None:
    """Number of evaluations against PSNR, LE and detail; named recipes are highlighted."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = {
        "psnr": "PSNR, dB (higher is better)",
        "le": "LE (lower is better)",
        "detail": "detail (1: as the ground truth)",
    }
    for axis, (key, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for name, row in found.items():
            named = name in RECIPES
            colour = "tab:red" if named else "tab:blue" if "dpmpp" in name else "tab:gray"
            axis.scatter(row["evaluations"], row[key], s=60 if named else 20, color=colour, zorder=3 if named else 2)
        for (name, recipe), offset in zip(RECIPES.items(), ((0, 10), (0, -16), (0, 10)), strict=True):
            row = found[name]
            side = "center" if recipe.interval else "right"
            position = row["evaluations"], row[key]
            axis.annotate(name, position, textcoords="offset points", xytext=offset, ha=side)
        axis.set_xlabel(f"network evaluations ({FRAMES} frames)")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    figure.suptitle("Recipes on the overfitted model: named (red), DPM-Solver++ (blue), Euler (grey)")
    figure.savefig(path, dpi=100)
