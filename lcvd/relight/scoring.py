"""One test clip relit under every light, and everything about it measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.face.heads import head_of
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.instruments import Instruments
from lcvd.metrics.measure import Meter
from lcvd.metrics.observers import Observation
from lcvd.metrics.outputs import sample_sheet
from lcvd.metrics.readings import BIASED, PSNR, Held, Reading, Scored, feature_set, key_of_metric, scored
from lcvd.model.arguments import conditions_of
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import recipe_of
from lcvd.relight.baselines import is_studio, psnr, round_trip, true_relit
from lcvd.relight.figures import Lit, Moment, draw
from lcvd.shading.crop import resize_masks
from lcvd.shading.hints import hints_of
from lcvd.shards.sample import Sample
from lcvd.video.encode import write_browser

Array = NDArray[Any]
Truth = tuple[Array, Array] | None
Progress = Callable[[int, int], None]
ARMS = ("model", "copy", "driving", "codec", "truth", "hint")


@dataclass
class Results:
    """What evaluating the clips so far has given: videos by arm, the driving frames' features and facts by clip."""

    arms: dict[str, list[Scored]] = field(default_factory=lambda: {arm: [] for arm in ARMS})
    real: dict[str, dict[str, FeatureSet]] = field(default_factory=dict)
    clips: list[dict[str, Any]] = field(default_factory=list)


class ScoredClip:
    """One test clip: its reference, what drives it, and how its videos are measured."""

    def __init__(self, sample: Sample, pipe: LCVDPipeline, instruments: Instruments, settings: Settings) -> None:
        self.sample, self.pipe, self.settings, size = sample, pipe, settings.evaluate, pipe.model.size
        self.recipe = recipe_of(self.settings.recipe, self.settings.steps)
        self.seed, self.size, count = settings.seed, size, frame_count(sample, settings)
        pictures = _resized(sample.frames(range(count + 1)), size)
        self.reference, self.driving = pictures[0], pictures[1:]
        self.mask = resize_masks(sample.masks([0]), size)[0]
        self.codes = sample.codes.window(range(1, count + 1))
        self.head = head_of(self.codes.head)
        self.own_hint = next(hints_of(self.head, sample.codes.window([0]), size))[0]
        self.metrics = instruments.metrics
        self.meter = Meter(sample.id, self.head, self.codes, size, instruments)
        self.given = self.meter.observe([self.driving], real=True)

    def score(self, lights: dict[str, Array], out: Path, results: Results, ticker: Ticker) -> dict[str, Lit]:
        """Relight under every light; add what was measured, of the model and of the baselines, to `results`.

        Returns what `draw` shows of each light.
        """
        id, middle = self.sample.id, len(self.driving) // 2
        true = {name: true_relit(self.sample, name, self.size, len(self.driving)) for name in lights}
        self._score_baselines(lights, true, results)
        shown = {}
        for name, light in lights.items():
            hints = np.concatenate(list(hints_of(self.head, self.codes, self.size, light)))
            made = self._relight(hints, ticker)
            results.arms["model"].append(self._scored(name, light, self.meter.observe([made]), psnr(made, true[name])))
            results.arms["hint"].append(self._scored(name, light, self.meter.light([hints])))
            self._write(out / "videos", name, hints, made, true[name])
            still = next(hints_of(self.head, self.sample.codes.window([0]), self.size, light))[0]
            truth = true[name]
            shown[name] = Lit(light, hints, still, made[middle], truth and (truth[0][middle], truth[1][middle]))
        stills = {name: (lit.hints[middle], lit.result) for name, lit in shown.items()}
        sample_sheet(out / "plots" / f"{id}.png", self.reference, self.driving[middle], stills)
        facts = {key: getattr(self.sample.meta, key) for key in ("id", "identity", "fps", "licence")}
        columns = ["driving", "hint", "result", *(["truth"] if is_studio(self.sample) else [])]
        results.clips.append({**facts, "frames": len(self.driving), "columns": columns})
        return shown

    def draw(self, lit: dict[str, Lit], out: Path) -> None:
        """The picture grids of this clip into the folder `out`."""
        middle = len(self.driving) // 2
        moment = Moment(self.sample.id, middle, self.reference, self.mask, self.own_hint, self.driving[middle], lit)
        draw(moment, self.pipe, out, guidance=self.settings.guidance, recipe=self.recipe, seed=self.seed)

    def _score_baselines(self, lights: dict[str, Array], true: dict[str, Truth], results: Results) -> None:
        copies = np.broadcast_to(self.reference, self.driving.shape)
        coded = round_trip(self.pipe.model.codec, self.driving, self.pipe.device)
        seen = {"driving": self.given, "copy": self.meter.observe([copies]), "codec": self.meter.observe([coded])}
        frames = {"driving": self.driving, "copy": copies, "codec": coded}
        for arm, found in seen.items():
            results.arms[arm] += [self._scored(n, lights[n], found, psnr(frames[arm], true[n])) for n in lights]
        sets = [name for name in self.metrics if name in BIASED and key_of_metric(name) in self.given]
        results.real[self.sample.id] = {name: feature_set(name, self.given) for name in sets}
        for name, truth in true.items():
            if truth:
                results.arms["truth"].append(self._scored(name, lights[name], self.meter.observe([truth[0]])))

    def _scored(self, name: str, light: Array, seen: Observation, decibels: float | None = None) -> Scored:
        held = Held(self.given, light, self.meter.present, self.size)
        found = scored(self.sample.id, name, self.metrics, seen, held)
        if decibels is not None:
            found.readings[PSNR] = Reading(decibels, self.meter.frames)
        return found

    def _relight(self, hints: Array, ticker: Ticker) -> Array:
        sets = conditions_of(self.settings.adapters)
        made: Array = self.pipe(
            self.reference,
            self.mask,
            self.own_hint,
            hints,
            guidance=self.settings.guidance,
            recipe=self.recipe,
            generator=self.seed,
            positive=sets["positive"],
            negative=sets["negative"],
            progress=lambda done, total: ticker.part(len(hints), done / total),
        ).frames
        ticker.finished(len(hints))
        return made

    def _write(self, folder: Path, light: str, hints: Array, made: Array, true: Truth) -> None:
        fps, stem = float(self.sample.meta.fps), f"{self.sample.id}_{light}"
        beside = [self.driving, hints, made, *(true[:1] if true else ())]
        write_browser(folder / f"{stem}.mp4", [made], fps)
        write_browser(folder / f"{stem}_side.mp4", [np.concatenate(beside, axis=2)], fps)


class Ticker:
    """Turns the sampler's calls into frames relit."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def part(self, frames: int, share: float) -> None:
        """So much of the next `frames` is done."""
        if self._progress:
            self._progress(self._done + int(frames * share), self._total)

    def finished(self, frames: int) -> None:
        """The next `frames` are done."""
        self._done += frames
        self.part(0, 0)


def frame_count(sample: Sample, settings: Settings) -> int:
    """Frames of the clip that are relit: the reference isn't counted."""
    return min(settings.evaluate.frames, sample.meta.frames - 1)


def _resized(pictures: Array, size: int) -> Array:
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures])
