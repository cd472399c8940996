"""The engine of all evaluations: generate or find each method's videos, measure each once, and collect records."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.config.settings import Settings
from lcvd.errors import LcvdError, UsageError
from lcvd.evaluate.caveats import caveats
from lcvd.evaluate.inputs.base import Input, TargetLight, VideoRequest
from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.methods.registry import DRIVING, METHODS
from lcvd.evaluate.protocol import Protocol
from lcvd.evaluate.record import Record, Setup, clip_set, rounded
from lcvd.evaluate.result_folders import read_result, result_hash
from lcvd.evaluate.summary import by_light, records
from lcvd.evaluate.truth import Decibels, Truth
from lcvd.ledger.tally import timed
from lcvd.metrics.base import Observation, Reference, Score, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.measure import Meter, observe_target, regrouped
from lcvd.metrics.psnr import PSNR
from lcvd.metrics.registry import feature_sets, score_video
from lcvd.metrics.session import MetricSession
from lcvd.render.hints import WINDOW
from lcvd.video.encode import write_lossless

INPUTS = ("lcvd.evaluate.inputs.files", "lcvd.evaluate.inputs.shards")
"""Modules that determine the methods' inputs."""
Progress = Callable[[Input, TargetLight, str, float], None]
"""Called with the input, the light, the method's name and the share of its video that is done, 0 to 1."""


@dataclass
class Engine:
    """One evaluation: its inputs and methods, and the scores so far.

    Generated videos (below `results`) and measurements (in `cache`) are reused if their inputs are unchanged.
    """

    protocol: Protocol
    settings: Settings
    session: MetricSession
    methods: Mapping[str, Method]
    """Methods by name, including `DRIVING`."""
    cache: Cache
    results: Path
    """Folder of the generated videos: ``<method>/<input>/<light>.mkv``, lossless."""
    sampling: str
    """Description of the frames that are measured."""
    progress: Progress = lambda source, light, method, share: None
    scores: dict[str, list[VideoScores]] = field(default_factory=dict)
    """Scores by method, in the order of the inputs and lights."""
    real: dict[str, dict[str, FeatureSet]] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Get the facts of each method once."""
        self.facts = {name: {**method.facts(), **METHODS.package(name)} for name, method in self.methods.items()}

    def add(self, source: Input, lights: Sequence[TargetLight]) -> dict[tuple[str, str], Path]:
        """Generate and measure every method's videos of one input.

        Returns:
            Paths of the videos by method and light. `DRIVING` has none.
        """
        meter = Meter(source.id, source.head, source.codes, source.size, self.session)
        truths = {light.name: truth for light in lights if (truth := source.truth(light.name))}
        given = self._observed(meter, source, DRIVING, None, truths)
        self.real[source.id] = feature_sets(self.session.metrics, given)
        size = {"fps": source.fps, "frames": source.codes.frames, "truth": bool(truths)}
        self.inputs.append({"id": source.id, **size, **source.facts})
        person = self._person(source) if self.protocol.task == "animate" else None
        references = {light.name: self._reference(source, light, meter, given, person) for light in lights}
        files: dict[tuple[str, str], Path] = {}
        for name, method in self.methods.items():
            if method.needs_truth and not truths:
                continue
            for group in [[light] for light in lights] if method.relights else [lights]:
                if name == DRIVING:
                    seen = given
                else:
                    path = self._video(name, source, group[0])
                    files |= {(name, light.name): path for light in group}
                    known = (
                        {} if method.needs_truth else {n: truth for n, truth in truths.items() if n in _names(group)}
                    )
                    seen = self._observed(meter, source, name, path, known)
                self.scores.setdefault(name, []).extend(
                    self._scored(source, light, seen, references[light.name]) for light in group
                )
        return files

    def records(self) -> dict[str, list[Record]]:
        """Records of all methods that have a video."""
        return {
            name: records(videos, self.real, self._setup(name, videos), not self.methods[name].relights)
            for name, videos in self.scores.items()
        }

    def content(self, refused: Mapping[str, Any], notes: Sequence[str], run: Mapping[str, Any]) -> dict[str, Any]:
        """The content of ``records.json`` (`lcvd.evaluate.records_file`); `notes`: additional caveats."""
        found = {name: self._results(name, each) for name, each in self.records().items()}
        return {
            "protocol": self.protocol.model_dump(mode="json"),
            "inputs": self.inputs,
            "methods": {**found, **refused},
            "caveats": [*notes, *caveats(self.protocol, self.methods, found)],
            "run": dict(run),
        }

    def _results(self, name: str, found: Sequence[Record]) -> dict[str, Any]:
        method, lights = self.methods[name], by_light(self.scores[name])
        return {
            "title": self.title(name),
            "meaning": method.meaning,
            "ranked": method.ranked,
            "facts": self.facts[name],
            "records": [record.plain() for record in found],
            "lights": {
                light: {metric: rounded(value) for metric, value in each.items()} for light, each in lights.items()
            },
        }

    def title(self, name: str) -> str:
        """A method's title, from the protocol if it is one of its rows."""
        return self.protocol.titles.get(name, self.methods[name].title)

    def _setup(self, name: str, videos: Iterable[VideoScores]) -> Setup:
        ids = {video.clip for video in videos}
        return Setup(
            clip_set=clip_set(ids),
            lights=tuple(dict.fromkeys(video.light for video in videos)),
            size=self.protocol.size,
            fps=tuple(sorted({each["fps"] for each in self.inputs if each["id"] in ids})),
            seed=self.settings.seed,
            made=self.methods[name].made,
            sampling=self.sampling,
        )

    def _video(self, name: str, source: Input, light: TargetLight) -> Path:
        """Path of the method's video, which is generated if it doesn't exist."""
        request = VideoRequest(
            source, light, self.settings.seed, lambda share: self.progress(source, light, name, share)
        )
        request.progress(0)
        if path := self.methods[name].existing(request):
            return path
        path = self.results / name / source.id / f"{light.name if self.methods[name].relights else 'any'}.mkv"
        key = key_of(
            input=source.fingerprint, light=np.asarray(light.sh).tolist(), facts=self.facts[name],
            seed=self.settings.seed, code=code_key(*_modules(self.methods[name]), *INPUTS, "lcvd.video.encode", alone=(__name__,)),
        )  # fmt: skip
        mark = path.with_suffix(".key")
        if not (path.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == key):
            mark.unlink(missing_ok=True)
            write_lossless(path, _counted(name, self.methods[name].relight(request), source), source.fps)
            mark.write_text(key, encoding="utf-8")
        request.progress(1)
        return path

    def _observed(
        self, meter: Meter, source: Input, name: str, path: Path | None, truths: Mapping[str, Truth]
    ) -> Observation:
        """All measurements of a video, taken in one pass, and its PSNR against `truths`; cached."""
        whole = self.methods[name].shows_person
        key = key_of(
            input=source.fingerprint,
            pixels=result_hash(path) if path else "",
            psnr=sorted(truths) if whole else [],
            metrics=self.session.provenance() if whole else "light",
            track=self.settings.filter.track,
            light=self.settings.reconstruct.light,
            quality=self.settings.filter.quality,
            seed=self.settings.seed,
            code=code_key("lcvd.metrics.measure", *INPUTS, "lcvd.evaluate.result_folders", alone=(__name__,)),
        )

        def make(folder: Path) -> None:
            windows = read_result(path) if path else source.frames()
            sums = {light: Decibels() for light in truths}
            try:
                with timed("metrics"):
                    passing = _passing(windows, truths, sums)
                    seen = meter.observe(passing, path is None) if whole else meter.light(windows)
            except LcvdError as error:
                raise UsageError(f"{path or source.name}: {error}") from None
            seen |= {_psnr_key(light): np.array(found.value) for light, found in sums.items()} if whole else {}
            arrays: dict[str, Any] = {f"a{i}": value for i, value in enumerate(seen.values())}
            np.savez(folder / "seen.npz", **arrays)
            (folder / "keys.json").write_text(json.dumps(list(seen)), encoding="utf-8")

        folder = self.cache.entry("seen", key, make)
        names = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
        with np.load(folder / "seen.npz", allow_pickle=False) as arrays:
            return {name: arrays[f"a{i}"] for i, name in enumerate(names)}

    def _scored(self, source: Input, light: TargetLight, seen: Observation, reference: Reference) -> VideoScores:
        found = score_video(source.id, light.name, self.session.metrics, seen, reference)
        if (key := _psnr_key(light.name)) in seen:
            found.scores[PSNR.name] = Score(float(seen[key]), source.codes.frames)
        return found

    def _reference(
        self, source: Input, light: TargetLight, meter: Meter, given: Observation, person: Observation | None
    ) -> Reference:
        target = None if light.image is None else observe_target(light.image, self.session)
        return Reference(given, light.sh, meter.present, source.size, target, person)

    def _person(self, source: Input) -> Observation:
        """Measurements of the reference image, which is repeated once to form a video."""
        session = self.session.observing("portrait")
        meter = Meter(source.id, source.head, source.own.window([0, 0]), source.size, session)
        seen = meter.observe([np.stack([source.reference] * 2)])
        return {name: rows[:1] for name, rows in seen.items()}


def _names(lights: Iterable[TargetLight]) -> set[str]:
    return {light.name for light in lights}


def _psnr_key(light: str) -> str:
    return f"PSNR {light}"


def _modules(method: Method) -> list[str]:
    """This project's modules that define the method. For installed packages, the version is in the facts."""
    modules = dict.fromkeys(each.__module__ for each in type(method).__mro__)
    return [module for module in modules if module.startswith("lcvd.")]


def _passing(windows: Iterable[Array], truths: Mapping[str, Truth], sums: Mapping[str, Decibels]) -> Iterator[Array]:
    """Yield the frames unchanged, and add them to each PSNR."""
    true = {light: truth.windows() for light, truth in truths.items()}
    for window in regrouped(windows, WINDOW):
        for light, decibels in sums.items():
            decibels.add(window, next(true[light]))
        yield window


def _counted(name: str, windows: Iterable[Array], source: Input) -> Iterator[Array]:
    """Yield a method's windows unchanged, after checking dtype, size and number of frames."""
    count, expected = 0, (source.size, source.size, 3)
    for window in windows:
        if window.dtype != np.uint8 or window.shape[1:] != expected:
            raise UsageError(f"{name} made frames of {window.dtype} {window.shape[1:]}, expected uint8 {expected}")
        count += len(window)
        yield window
    if count != source.codes.frames:
        raise UsageError(f"{name} made {count} frames of {source.id}, expected {source.codes.frames}")
