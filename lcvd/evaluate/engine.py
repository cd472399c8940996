"""Run a protocol: every method's video of every clip under every light, made or found, seen once and measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, file_hash, key_of
from lcvd.config.settings import Settings
from lcvd.errors import LcvdError, UsageError
from lcvd.evaluate.caveats import INPUT
from lcvd.evaluate.figures.grid import Row, row_of
from lcvd.evaluate.inputs import Input, Light, own_light
from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.protocol import Manifest
from lcvd.evaluate.record import Protocol, Record, clip_set
from lcvd.evaluate.result_folders import Wanted, check, locate, read_result
from lcvd.evaluate.summary import records
from lcvd.metrics.base import Observation, Reference, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.measure import Meter, observe_target
from lcvd.metrics.registry import feature_sets, score_video
from lcvd.metrics.session import MetricSession
from lcvd.video.encode import write_lossless

Array = NDArray[Any]


@dataclass
class Run:
    """One run of a protocol: what it is given, and what came of it so far."""

    manifest: Manifest
    settings: Settings
    session: MetricSession
    cache: Cache
    out: Path
    folders: Mapping[str, Path]
    """Methods that are folders of results."""
    methods: Mapping[str, Method]
    """Methods that are code."""
    shown: Container[tuple[str, str]] = ()
    """Inputs and lights that get a row in the picture of all methods (`lcvd.evaluate.figures.grid`)."""
    progress: Callable[[str], None] = lambda line: None
    arms: dict[str, list[VideoScores]] = field(default_factory=dict)
    real: dict[str, dict[str, FeatureSet]] = field(default_factory=dict)
    fps: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Ask each method once what decides its output."""
        self.facts = {name: method.facts() for name, method in self.methods.items()}

    def add(self, source: Input, lights: list[Light]) -> None:
        """Measure one input and what every method made of it."""
        lights = lights or list(own_light(source))
        meter = Meter(source.id, source.head, source.codes, source.size, self.session)
        given = self._seen(meter, source, None)
        self.real[source.id] = feature_sets(self.session.metrics, given)
        self.fps[source.id] = float(source.drive.clip.fps)
        person = self._person(source) if self.manifest.task == "animate" else None
        for light in lights:
            target = None if light.picture is None else observe_target(light.picture, self.session)
            reference = Reference(given, light.light, meter.present, source.size, target, person)

            def take(arm: str, seen: Observation, reference: Reference = reference, light: Light = light) -> None:
                self.arms.setdefault(arm, []).append(
                    score_video(source.id, light.name, self.session.metrics, seen, reference)
                )

            take(INPUT, given)
            results = {}
            for name in (*self.folders, *self.methods):
                self.progress(f"{source.id}, {light.name}: {name}")
                results[self.manifest.title_of(name)] = path = self._result(name, source, light)
                take(name, self._seen(meter, source, path))
            if (source.id, light.name) in self.shown:
                self.rows.append(row_of(source, light, results, animate=self.manifest.task == "animate"))

    def records(self) -> dict[str, list[Record]]:
        """Records of every arm."""
        return {
            arm: records(videos, self.real, self._protocol(arm, videos), arm == INPUT)
            for arm, videos in self.arms.items()
        }

    def _protocol(self, arm: str, videos: Iterable[VideoScores]) -> Protocol:
        videos = list(videos)
        ids = {video.clip for video in videos}
        return Protocol(
            clip_set=clip_set(ids),
            lights=tuple(dict.fromkeys(video.light for video in videos)),
            size=self.manifest.size,
            fps=tuple(sorted({self.fps[id] for id in ids})),
            seed=self.settings.seed,
            made=json.dumps(self.facts[arm], sort_keys=True) if self.facts.get(arm) else "",
            sampling=f"{self.manifest.name}: the first {self.manifest.frames} frames"
            if self.manifest.task != "still"
            else f"{self.manifest.name}: one picture, {self.manifest.frames} times",
        )

    def _result(self, name: str, source: Input, light: Light) -> Path:
        """Where the method's video lies, made if it has to be."""
        if name in self.folders:
            path = locate(self.folders[name], source.id, light.name)
            assert path is not None, "the folder was checked"
            return path
        path = self.out / "results" / name / source.id / f"{light.name}.mkv"
        key = key_of(
            input=source.content(), light=np.asarray(light.light).tolist(), facts=self.facts[name],
            seed=self.settings.seed,
            code=code_key(type(self.methods[name]).__module__, "lcvd.evaluate.inputs", "lcvd.video.encode", alone=(__name__,)),
        )  # fmt: skip
        mark = path.with_suffix(".key")
        if path.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == key:
            return path
        mark.unlink(missing_ok=True)
        frames = _counted(name, self.methods[name].relight(source.shot(light, self.settings.seed)), source)
        write_lossless(path, frames, self.fps[source.id])
        mark.write_text(key, encoding="utf-8")
        return path

    def _seen(self, meter: Meter, source: Input, result: Path | None) -> Observation:
        """What is seen in a result, or in the input itself; found in the cache where it was seen before."""
        real, windows = result is None, source.windows if result is None else partial(read_result, result)
        key = key_of(
            input=source.content(),
            pixels="" if result is None else content_hash(result),
            metrics=self.session.provenance(),
            track=self.settings.filter.track,
            reconstruct=self.settings.reconstruct.decisive(),
            quality=self.settings.filter.quality,
            seed=self.settings.seed,
            code=code_key(
                "lcvd.metrics.measure", "lcvd.evaluate.inputs", "lcvd.evaluate.result_folders", alone=(__name__,)
            ),
        )

        def make(folder: Path) -> None:
            try:
                seen = meter.observe(windows(), real)
            except LcvdError as error:
                raise UsageError(f"{result or source.drive.clip.media}: {error}") from None
            arrays: dict[str, Any] = {f"a{i}": value for i, value in enumerate(seen.values())}
            np.savez(folder / "seen.npz", **arrays)
            (folder / "keys.json").write_text(json.dumps(list(seen)), encoding="utf-8")

        folder = self.cache.entry("seen", key, make)
        names = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
        with np.load(folder / "seen.npz", allow_pickle=False) as arrays:
            return {name: arrays[f"a{i}"] for i, name in enumerate(names)}

    def _person(self, source: Input) -> Observation:
        """What is seen in the portrait, shown twice so that it is a video."""
        codes = source.portrait.codes.window([0, 0])
        picture = source.portrait.first(source.size)[0]
        meter = Meter(source.id, source.head, codes, source.size, self.session.observing("portrait"))
        return {name: rows[:1] for name, rows in meter.observe([np.stack([picture, picture])]).items()}


def problems(run: Run, inputs: Iterable[str], lights: Iterable[str]) -> list[str]:
    """What is wrong with the methods' folders, before anything is computed."""
    wanted = wanted_of(run.manifest, inputs, lights)
    return [f"{name}: {problem}" for name, folder in run.folders.items() for problem in check(folder, wanted)]


def wanted_of(manifest: Manifest, inputs: Iterable[str], lights: Iterable[str]) -> list[Wanted]:
    """The videos that the protocol asks of every method."""
    lights = list(lights)
    return [Wanted(id, light, manifest.frames, manifest.size) for id in inputs for light in lights]


def content_hash(path: Path) -> str:
    """Of a result: a file's bytes, or all pictures of a folder."""
    if path.is_file():
        return file_hash(path)
    return key_of(**{each.name: file_hash(each) for each in sorted(path.glob("*.png"))})


def _counted(name: str, windows: Iterable[Array], source: Input) -> Iterator[Array]:
    """A method's windows, checked on their way to the file."""
    count, wanted = 0, (source.size, source.size, 3)
    for window in windows:
        if window.dtype != np.uint8 or window.shape[1:] != wanted:
            raise UsageError(f"{name} made frames of {window.dtype} {window.shape[1:]}, expected uint8 {wanted}")
        count += len(window)
        yield window
    if count != source.codes.frames:
        raise UsageError(f"{name} made {count} frames of {source.id}, expected {source.codes.frames}")
