"""Figures of one test clip at its middle frame, laid out as the paper's: lights, methods, adapters, guidance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lcvd.evaluate.figures.layout import Figure, Row, Tile
from lcvd.evaluate.inputs.base import Array, Input, TargetLight, VideoRequest
from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.methods.registry import DRIVING, OURS
from lcvd.evaluate.result_folders import frame_of, read_result
from lcvd.evaluate.truth import psnr
from lcvd.ledger.tally import timed
from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import Guidance
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.sampling import Sampling
from lcvd.render.views import lit_sphere

GUIDANCE = (0.0, 1.0, 1.5, 3.0, 4.5)
COMBINATIONS: dict[str, tuple[str, ...]] = {
    "No adapter": (),
    "Reference only": ("reference",),
    "Shading only": ("shading",),
    "Both": ("shading", "reference"),
}
ROWS = 2
"""Lights in figures with a generated window for every tile."""


@dataclass(frozen=True)
class Moment:
    """The middle frame of one input, in all videos generated from it."""

    source: Input
    lights: Sequence[TargetLight]
    videos: Mapping[tuple[str, str], Path]
    """Files by method and light, as `Engine.add` returns them."""
    methods: Mapping[str, Method]

    @property
    def at(self) -> int:
        """Number of the frame."""
        return self.source.codes.frames // 2

    @cached_property
    def driving(self) -> Array:
        """The input's frame (S, S, 3)."""
        return frame_of(self.source.frames(), self.at)

    def conditioning(self, light: TargetLight) -> Conditioning:
        """The model's inputs for the whole video."""
        return VideoRequest(self.source, light, 0).conditioning

    def made(self, method: str, light: TargetLight) -> Tile:
        """A method's frame."""
        name = f"{method}_{light.name}" if self.methods[method].relights else method
        if method == DRIVING:
            return self.tile(name, self.driving, light)
        image = frame_of(read_result(self.videos[method, light.name]), self.at)
        return Tile(image, name) if self.methods[method].needs_truth else self.tile(name, image, light)

    def tile(self, name: str, image: Array, light: TargetLight) -> Tile:
        """An image with its PSNR against the ground truth, if there is one."""
        truth = self.source.truth(light.name)
        if truth is None:
            return Tile(image, name)
        frame, portrait = truth.at(self.at)
        return Tile(image, name, f"{psnr(image[None], (frame[None], portrait[None])):.1f} dB")

    def truth(self, light: TargetLight) -> dict[str, Tile]:
        """The last column, if there is a ground truth."""
        truth = self.source.truth(light.name)
        return {"Truth": Tile(truth.at(self.at)[0], f"truth_{light.name}")} if truth else {}


def lights_figure(moment: Moment) -> Figure:
    """Figure with one frame under each light."""
    source, at = moment.source, moment.at
    rows = [
        Row(
            light.name,
            {
                "Reference": Tile(source.reference, "reference"),
                "Driving": Tile(moment.driving, DRIVING),
                "Target light": Tile(lit_sphere(light.sh, source.size), f"light_{light.name}"),
                "Hint": Tile(moment.conditioning(light).hints[at : at + 1][0], f"hint_{light.name}"),
                "Result": moment.made(OURS, light),
                **moment.truth(light),
            },
        )
        for light in moment.lights
    ]
    caption = (
        "One person and one frame, a light per row. The inputs of the model are the reference and the hint: it should keep "
        "the person of the first, and follow pose and light of the second."
    )
    return Figure("lights", "Lights", caption, rows)


def methods_figure(moment: Moment) -> Figure:
    """Figure with one frame by each method that shows the person."""
    shown = {name: method for name, method in moment.methods.items() if method.shows_person}
    rows = [
        Row(
            light.name,
            {
                method.title: moment.made(name, light)
                for name, method in shown.items()
                if name == DRIVING or (name, light.name) in moment.videos
            },
        )
        for light in moment.lights[:ROWS]
    ]
    caption = "The model compared with methods that need no training, and with upper bounds. "
    caption += "; ".join(f"{method.title}: {method.meaning}" for method in shown.values())
    return Figure("methods", "Methods", f"{caption}.", rows)


def paper_figures(moment: Moment, pipe: LCVDPipeline, sampling: Sampling, seed: int) -> list[Figure]:
    """All four figures; one window of the model is generated for each tile of the last two."""
    variations = Variations(moment, pipe, sampling, seed)
    figures = [lights_figure(moment), methods_figure(moment)]
    with timed("figures"):
        figures.append(variations.adapters())
        if "shading" in pipe.model.adapters:
            figures.append(variations.guidance())
    return figures


@dataclass
class Variations:
    """Generates the window around the middle frame under other conditions; equal ones are generated once."""

    moment: Moment
    pipe: LCVDPipeline
    sampling: Sampling
    seed: int
    _known: dict[Any, Array] = field(default_factory=dict)

    def adapters(self) -> Figure:
        """Figure with adapters switched off."""
        known = {label: names for label, names in COMBINATIONS.items() if set(names) <= set(self.pipe.model.adapters)}
        rows = []
        for light in self.moment.lights[:ROWS]:
            tiles = {
                label: self.moment.tile(
                    f"adapters_{light.name}_{'-'.join(names) or 'none'}", self._combined(light, names), light
                )
                for label, names in known.items()
            }
            rows.append(Row(light.name, tiles | self.moment.truth(light)))
        caption = (
            "The same seed with adapters switched off. The reference adapter provides the person, the shading adapter pose "
            "and light. Without both, the model knows the background and a summary of the reference only. With shading, "
            f"guidance ω is {self.sampling.guidance:g}."
        )
        return Figure("adapters", "Adapters", caption, rows)

    def guidance(self) -> Figure:
        """Figure with other guidance weights under the first light."""
        moment, used, light = self.moment, self.sampling.guidance, self.moment.lights[0]
        both = "+".join(name for name in COMBINATIONS["Both"] if name in self.pipe.model.adapters)
        tiles = {
            f"ω = {weight:g}": moment.tile(
                f"guidance_{weight:g}", self._frame(light, Guidance.of_adapters(both, weight)), light
            )
            for weight in sorted({*GUIDANCE, used})
        }
        caption = (
            "Guidance ω weights the shading: 0 ignores it, 1 uses the prediction with it, values above 1 exaggerate it. This "
            f"run uses {used:g}."
        )
        return Figure("guidance", "Guidance ω", caption, [Row(light.name, tiles | moment.truth(light))])

    def _combined(self, light: TargetLight, names: tuple[str, ...]) -> Array:
        if "shading" not in names:  # nothing to guide by: one prediction under these conditions
            return self._frame(light, Guidance(1.0, positive=names, negative=names))
        return self._frame(light, Guidance.of_adapters("+".join(names), self.sampling.guidance))

    def _frame(self, light: TargetLight, guidance: Guidance) -> Array:
        """The frame (S, S, 3) of the moment under `light`, with this guidance and the run's likeness."""
        guidance = replace(guidance, likeness=self.sampling.likeness)
        key = light.name if "shading" in guidance.positive else "", guidance
        if key not in self._known:
            self._known[key] = self._generate(light, guidance)
        return self._known[key]

    def _generate(self, light: TargetLight, guidance: Guidance) -> Array:
        whole, at = self.moment.conditioning(light), self.moment.at
        window = window_around(at, self.pipe.model.frames, self.moment.source.codes.frames)
        part = replace(whole, hints=whole.hints[window], warped_reference=whole.warped_reference[window])
        made = self.pipe(part, generator=self.seed, guidance=guidance, recipe=self.sampling.recipe_for())
        frame: Array = made.frames[at - window.start]
        return frame


def window_around(at: int, frames: int, count: int) -> range:
    """The window around frame `at` of `count`, for a model of `frames` frames, one of which is the reference."""
    start = max(0, min(at - (frames - 1) // 2, count - (frames - 1)))
    return range(start, min(start + frames - 1, count))
