"""One test clip relit under every light, and everything about it measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.evaluate.figures.tiles import Lit, Moment, around, draw
from lcvd.evaluate.result_folders import read_result
from lcvd.evaluate.truth import Decibels, Truth, round_trip, true_relit
from lcvd.evaluate.write import sample_sheet
from lcvd.face.heads import head_of
from lcvd.face.square import resize_masks
from lcvd.ledger.tally import timed
from lcvd.metrics.base import Observation, Reference, Score, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.measure import Meter, regrouped
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import feature_sets, score_video
from lcvd.metrics.session import MetricSession
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import LCVDPipeline
from lcvd.progress import Progress
from lcvd.render.hints import WINDOW, Hints, hints_of
from lcvd.render.ratio_image import relight_frames
from lcvd.render.warp import WarpedReference
from lcvd.shard.sample import Sample
from lcvd.video.encode import read_lossless, write_browser, write_lossless

Array = NDArray[Any]
ARMS = ("model", "copy", "driving", "ratio", "codec", "truth", "hint")


@dataclass
class Results:
    """What evaluating the clips so far has given: videos by arm, the driving frames' features and facts by clip."""

    arms: dict[str, list[VideoScores]] = field(default_factory=lambda: {arm: [] for arm in ARMS})
    real: dict[str, dict[str, FeatureSet]] = field(default_factory=dict)
    clips: list[dict[str, Any]] = field(default_factory=list)


class ScoredClip:
    """One test clip: its reference, what drives it, and how its videos are measured.

    Pixels are held a window at a time. What has to be looked at several times lies in lossless files below `scratch`.
    """

    def __init__(
        self, sample: Sample, pipe: LCVDPipeline, session: MetricSession, settings: Settings, scratch: Path
    ) -> None:
        self.sample, self.pipe, self.settings, size = sample, pipe, settings.evaluate, pipe.model.size
        self.sampling = pipe.sampling.resolved(self.settings.overrides)
        self.seed, self.size, self.count = settings.seed, size, frame_count(sample, settings)
        self.middle, self.scratch = self.count // 2, scratch
        self.reference = _resized(sample.frames([0]), size)[0]
        self.mask = resize_masks(sample.masks([0]), size)[0]
        self.codes = sample.codes.window(range(1, self.count + 1))
        self.head = head_of(self.codes.head)
        own = sample.codes.window([0])
        self.own_hint = next(hints_of(self.head, own, size))[0]
        self.warped_reference = WarpedReference(self.head, self.reference, own, self.codes)
        self.metrics = session.metrics
        self.meter = Meter(sample.id, self.head, self.codes, size, session)

    def driving(self) -> Iterator[Array]:
        """The frames that drive the clip; each call decodes them anew."""
        return (_resized(w, self.size) for w in self.sample.windows(range(1, self.count + 1), WINDOW))

    def score(self, lights: dict[str, Array], out: Path, results: Results, ticker: Ticker) -> dict[str, Lit]:
        """Relight under every light; add what was measured, of the model and of the baselines, to `results`.

        Returns what `draw` shows of each light.
        """
        id = self.sample.id
        found = {name: true_relit(self.sample, name, self.size, self.count, self.scratch) for name in lights}
        true = {name: truth for name, truth in found.items() if truth}
        self._score_baselines(lights, true, results)
        window, shown = around(self.middle, self.pipe.model.frames, self.count), {}
        for name, light in lights.items():
            hints = Hints(self.head, self.codes, self.size, light)
            with timed("sampler"):
                made = self._relight(hints, name, ticker)
            parts = (range(i, min(i + WINDOW, self.count)) for i in range(0, self.count, WINDOW))
            arms = {"model": read_result(made), "ratio": (self._ratio(light, part) for part in parts)}
            for arm, video in arms.items():
                seen, decibels = self._observe(video, {n: truth for n, truth in true.items() if n == name})
                results.arms[arm].append(self._scored(name, light, seen, decibels.get(name)))
            results.arms["hint"].append(self._scored(name, light, self.meter.light(hints.windows())))
            self._write(out / "videos", name, hints, made, true.get(name))
            ratio = self._ratio(light, range(self.middle, self.middle + 1))[0]
            truth = true[name].at(self.middle) if name in true else None
            shown[name] = Lit(light, hints[window], ratio, read_lossless(made, [self.middle])[0], truth)
        stills = {name: (lit.hints[self.middle - window.start], lit.result) for name, lit in shown.items()}
        sample_sheet(out / "plots" / f"{id}.png", self.reference, self._shown_frame(), stills)
        facts = {key: getattr(self.sample.meta, key) for key in ("id", "identity", "fps", "licence")}
        columns = ["driving", "hint", "result", *(["truth"] if true else [])]
        results.clips.append({**facts, "frames": self.count, "columns": columns})
        return shown

    def _ratio(self, light: Array, wanted: range) -> Array:
        """Of the driving frames those `wanted`, relit by the ratio of two shadings."""
        at = range(wanted.start + 1, wanted.stop + 1)
        frames, masks = _resized(self.sample.frames(at), self.size), resize_masks(self.sample.masks(at), self.size)
        return relight_frames(frames, self.sample.codes.window(at), masks, light)

    def draw(self, lit: dict[str, Lit], out: Path) -> None:
        """The picture grids of this clip into the folder `out`."""
        start = around(self.middle, self.pipe.model.frames, self.count).start
        moment = Moment(
            self.sample.id, self.middle, start, self.reference, self.mask, self.own_hint, self._shown_frame(), lit,
            self.warped_reference[around(self.middle, self.pipe.model.frames, self.count)],
        )  # fmt: skip
        with timed("figures"):
            draw(
                moment, self.pipe, out, guidance=self.sampling.guidance, likeness=self.sampling.likeness,
                recipe=self.sampling.recipe_for(), seed=self.seed,
            )  # fmt: skip

    def _shown_frame(self) -> Array:
        frame: Array = _resized(self.sample.frames([1 + self.middle]), self.size)[0]
        return frame

    def _score_baselines(self, lights: dict[str, Array], true: dict[str, Truth], results: Results) -> None:
        codec, device = self.pipe.model.codec, self.pipe.device
        videos = {
            "driving": self.driving(),
            "copy": iter([np.broadcast_to(self.reference, (self.count, *self.reference.shape))]),  # one frame in memory
            "codec": (round_trip(codec, window, device) for window in self.driving()),
        }
        for arm, windows in videos.items():
            seen, decibels = self._observe(windows, true, real=arm == "driving")
            if arm == "driving":
                self.given = seen
            results.arms[arm] += [self._scored(n, lights[n], seen, decibels.get(n)) for n in lights]
        results.real[self.sample.id] = feature_sets(self.metrics, self.given)
        for name, truth in true.items():
            seen, _ = self._observe((frames for frames, _ in truth.windows()), {})
            results.arms["truth"].append(self._scored(name, lights[name], seen))

    def _observe(
        self, windows: Iterable[Array], true: Mapping[str, Truth], real: bool = False
    ) -> tuple[Observation, dict[str, float]]:
        """What is seen in a video, and its decibels against the truths, in one pass over its frames."""
        sums = {name: (truth.windows(), Decibels()) for name, truth in true.items()}

        def passing() -> Iterator[Array]:
            for window in regrouped(windows, WINDOW):
                for truth, decibels in sums.values():
                    decibels.add(window, next(truth))
                yield window

        with timed("metrics"):
            seen = self.meter.observe(passing(), real)
        return seen, {name: decibels.value for name, (_, decibels) in sums.items()}

    def _scored(self, name: str, light: Array, seen: Observation, decibels: float | None = None) -> VideoScores:
        held = Reference(self.given, light, self.meter.present, self.size)
        found = score_video(self.sample.id, name, self.metrics, seen, held)
        if decibels is not None:
            found.scores[PSNR.name] = Score(decibels, self.meter.frames)
        return found

    def _relight(self, hints: Hints, light: str, ticker: Ticker) -> Path:
        """The model's video, as a lossless file."""
        latents = self.pipe(
            Conditioning(self.reference, self.mask, self.own_hint, hints, self.warped_reference),
            generator=self.seed,
            guidance=self.sampling.guidance_for(),
            recipe=self.sampling.recipe_for(),
            output_type="latent",
            progress=lambda done, total: ticker.part(len(hints), done / total),
        ).frames
        path = self.scratch / f"made_{light}.mkv"
        write_lossless(path, self.pipe.shown(latents), float(self.sample.meta.fps))
        ticker.finished(len(hints))
        return path

    def _write(self, folder: Path, light: str, hints: Hints, made: Path, true: Truth | None) -> None:
        fps, stem = float(self.sample.meta.fps), f"{self.sample.id}_{light}"
        videos = [self.driving(), hints.windows(), read_result(made)]
        if true:
            videos.append(frames for frames, _ in true.windows())
        beside = zip(*(regrouped(video, WINDOW) for video in videos), strict=True)
        write_browser(folder / f"{stem}.mp4", read_result(made), fps)
        write_browser(folder / f"{stem}_side.mp4", (np.concatenate(windows, axis=2) for windows in beside), fps)


class Ticker:
    """Turns the sampler's calls into frames relit."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def part(self, frames: int, share: float) -> None:
        """So much of the next `frames` is done."""
        if self._progress:
            self._progress("relighting", self._done + int(frames * share), self._total)

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
