"""Picture grids of one clip at one moment, laid out as the paper's figures: lights, methods, adapters, guidance.

Each tile is a PNG; ``figures.json`` beside them says which stands where and what a reader sees there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lcvd.evaluate.truth import psnr, round_trip
from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import Guidance
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import Recipe
from lcvd.render.views import lit_sphere

Array = NDArray[Any]
INDEX = "figures.json"
GUIDANCE = (0.0, 1.0, 1.5, 3.0, 4.5)
COMBINATIONS: dict[str, tuple[str, ...]] = {
    "No adapter": (),
    "Reference only": ("reference",),
    "Shading only": ("shading",),
    "Both": ("shading", "reference"),
}
ROWS = 2
"""Lights shown in figures that cost a run of the model for every tile."""


@dataclass(frozen=True)
class Lit:
    """One clip under one light, at the moment shown; pictures (S, S, 3) uint8."""

    light: Array
    """(9, 3)."""
    hints: Array
    """Hints (n, S, S, 3) of the window around the moment."""
    ratio: Array
    """The driving frame times the ratio of two shadings."""
    result: Array
    """The model's frame, of the whole clip."""
    truth: tuple[Array, Array] | None
    """What the frame truly looks like and its portrait (S, S) bool; None where nobody knows."""


@dataclass(frozen=True)
class Moment:
    """What the figures are made from: one clip, of which frame `at` is shown; figures that generate anew do so from frame
    `start` on."""

    clip: str
    at: int
    start: int
    reference: Array
    mask: Array
    own_hint: Array
    driving: Array
    """The frame shown, (S, S, 3) uint8."""
    lit: Mapping[str, Lit]
    """By the name of the light."""
    warped_reference: Array
    """The reference as it stands in each frame of the window around the moment, (n, S, S, 3) uint8."""


def draw(
    moment: Moment, pipe: LCVDPipeline, out: Path, *, guidance: float, likeness: float, recipe: Recipe, seed: int
) -> None:
    """Write the tiles and ``figures.json`` into the folder `out`. Equal inputs give equal bytes.

    One window of the model is generated for each tile of the last two figures.
    """
    page = _Page(moment, out)
    run, model = _Runs(moment, pipe, likeness, recipe, seed), pipe.model
    figures = [_lights(page), _methods(page, model), _adapters(page, run, guidance)]
    if "shading" in model.adapters:
        figures.append(_guidance(page, run, guidance))
    text = json.dumps({"clip": moment.clip, "frame": moment.at + 1, "figures": figures}, indent=1, sort_keys=True)
    (out / INDEX).write_text(text + "\n", encoding="utf-8")


def around(at: int, frames: int, count: int) -> range:
    """The window of a model of `frames` frames, of which the reference takes one, around frame `at` of `count`."""
    start = max(0, min(at - (frames - 1) // 2, count - (frames - 1)))
    return range(start, min(start + frames - 1, count))


class _Page:
    """Stores tiles, once each, and tells their place."""

    def __init__(self, moment: Moment, out: Path) -> None:
        self.moment, self.out = moment, out
        out.mkdir(parents=True, exist_ok=True)

    def tile(self, name: str, picture: Array, lit: Lit | None = None) -> dict[str, str]:
        """The cell of a picture, with its PSNR where it stands beside a truth."""
        Image.fromarray(np.ascontiguousarray(picture)).save(self.out / f"{name}.png")
        decibels = psnr(picture[None], (lit.truth[0][None], lit.truth[1][None])) if lit and lit.truth else None
        return {"file": f"{name}.png", "note": "" if decibels is None else f"{decibels:.1f} dB"}

    def truth(self, light: str) -> list[dict[str, str]]:
        """The last cell of a row, or none."""
        truth = self.moment.lit[light].truth
        return [self.tile(f"truth_{light}", truth[0])] if truth else []

    def figure(
        self, name: str, title: str, caption: str, columns: list[str], rows: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A figure whose rows (by label) end with the truth where there is one."""
        length = max(len(cells) for cells in rows.values())
        columns = [*columns, "Truth"][:length]
        cells = [{"label": label, "cells": found} for label, found in rows.items()]
        return {"name": name, "title": title, "caption": caption, "columns": columns, "rows": cells}


class _Runs:
    """Generates one window around the moment, once for the same question, and gives back its frame."""

    def __init__(self, moment: Moment, pipe: LCVDPipeline, likeness: float, recipe: Recipe, seed: int) -> None:
        self._moment, self._pipe, self.model = moment, pipe, pipe.model
        self._likeness, self._recipe, self._seed = likeness, recipe, seed
        self._known: dict[Any, Array] = {}

    def frame(self, light: str, guidance: Guidance) -> Array:
        """The frame (S, S, 3) of the moment under `light`, sampled with `guidance` and the likeness of all figures."""
        guidance = replace(guidance, likeness=self._likeness)
        seen = light if "shading" in guidance.positive else ""  # else every light gives the same
        if (seen, guidance) not in self._known:
            self._known[seen, guidance] = self._generate(light, guidance)
        return self._known[seen, guidance]

    def _generate(self, light: str, guidance: Guidance) -> Array:
        moment = self._moment
        inputs = Conditioning(
            moment.reference, moment.mask, moment.own_hint, moment.lit[light].hints, moment.warped_reference
        )
        made = self._pipe(inputs, generator=self._seed, guidance=guidance, recipe=self._recipe)
        frame: Array = made.frames[moment.at - moment.start]
        return frame


def _lights(page: _Page) -> dict[str, Any]:
    moment, rows = page.moment, {}
    for name, lit in moment.lit.items():
        rows[name] = [
            page.tile("reference", moment.reference),
            page.tile("driving", moment.driving),
            page.tile(f"light_{name}", lit_sphere(lit.light, len(moment.reference))),
            page.tile(f"hint_{name}", lit.hints[moment.at - moment.start]),
            page.tile(f"result_{name}", lit.result, lit),
            *page.truth(name),
        ]
    caption = (
        "One moment of a clip; each row has another target light. The model gets the reference and the hint. It must take the "
        "person from the reference, and pose and light from the hint."
    )
    columns = ["Reference", "Driving", "Target light", "Hint", "Result"]
    return page.figure("lights", "Lights", caption, columns, rows)


def _methods(page: _Page, model: LCVD) -> dict[str, Any]:
    moment, rows = page.moment, {}
    coded = round_trip(model.codec, moment.driving[None], model.device)[0]
    for name, lit in list(moment.lit.items())[:ROWS]:
        rows[name] = [
            page.tile("reference", moment.reference, lit),
            page.tile("driving", moment.driving, lit),
            page.tile(f"ratio_{name}", lit.ratio, lit),
            page.tile("codec", coded, lit),
            page.tile(f"result_{name}", lit.result, lit),
            *page.truth(name),
        ]
    caption = (
        "Baselines without training. The copied reference does not move. The driving frame has the right motion and its own "
        "light; multiplied by the ratio of two shadings it gets the target light, but a portrait that is to be animated has no "
        "such frame. The codec round trip shows what is lost in the latents."
    )
    columns = ["Copied reference", "Driving (unmodified)", "Driving × shading ratio", "Codec round trip", "This model"]
    return page.figure("methods", "Methods", caption, columns, rows)


def _adapters(page: _Page, run: _Runs, guidance: float) -> dict[str, Any]:
    known = {label: names for label, names in COMBINATIONS.items() if set(names) <= set(run.model.adapters)}
    rows = {}
    for light, lit in list(page.moment.lit.items())[:ROWS]:
        rows[light] = [
            page.tile(f"adapters_{light}_{'-'.join(names) or 'none'}", _combined(run, light, names, guidance), lit)
            for names in known.values()
        ] + page.truth(light)
    caption = (
        "Results with adapters switched off, from the same seed. The reference adapter provides the person, the shading adapter "
        "pose and light. Without both, the model gets only the background and an embedding of the reference. With shading, "
        f"guidance ω is {guidance:g}."
    )
    return page.figure("adapters", "Adapters", caption, list(known), rows)


def _combined(run: _Runs, light: str, names: tuple[str, ...], guidance: float) -> Array:
    if "shading" not in names:
        return run.frame(light, Guidance(1.0, positive=names, negative=names))  # no shading to guide by: one prediction
    return run.frame(light, Guidance.of_adapters("+".join(names), guidance))


def _guidance(page: _Page, run: _Runs, used: float) -> dict[str, Any]:
    weights = sorted({*GUIDANCE, used})
    light, lit = next(iter(page.moment.lit.items()))
    both = tuple(name for name in COMBINATIONS["Both"] if name in run.model.adapters)
    frames = {weight: run.frame(light, Guidance.of_adapters("+".join(both), weight)) for weight in weights}
    cells = [page.tile(f"guidance_{weight:g}", frame, lit) for weight, frame in frames.items()]
    caption = (
        "Guidance ω is the weight of the shading condition: 0 ignores it, 1 applies it as trained, and higher values exaggerate it. "
        f"This run uses {used:g}."
    )
    columns = [f"ω = {weight:g}" for weight in weights]
    return page.figure("guidance", "Guidance ω", caption, columns, {light: cells + page.truth(light)})
