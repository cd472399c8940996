"""Evaluate methods under a protocol: from a folder of clips and methods' names to ``records.json`` and ``grid.png``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lcvd.cache.store import Cache
from lcvd.config.settings import Settings
from lcvd.device import default_device
from lcvd.errors import UsageError
from lcvd.evaluate.engine import Engine
from lcvd.evaluate.figures.grid import GRID, grid_row, pairs_of
from lcvd.evaluate.figures.layout import Row, write_sheet
from lcvd.evaluate.inputs.base import Input, TargetLight
from lcvd.evaluate.inputs.files import OWN, file_input, inputs_of, lights_of, own_light
from lcvd.evaluate.methods.base import Method, Options, ResultFolder
from lcvd.evaluate.methods.registry import DRIVING, METHODS, OURS
from lcvd.evaluate.protocol import Protocol, Variant
from lcvd.evaluate.records_file import write_records
from lcvd.evaluate.result_folders import ExpectedVideo, check_folder
from lcvd.metrics.session import MetricSession


@dataclass(frozen=True)
class BenchmarkRequest:
    """What to evaluate. `methods` are registered names, variants of the protocol, or, with a folder, any name."""

    protocol: Protocol
    lights_folder: Path
    """Folder that the protocol's light files are relative to."""
    clips: Path
    methods: Mapping[str, Path | None]
    metrics: Sequence[str]
    model: Path
    out: Path
    cache: Path


def run_benchmark(
    request: BenchmarkRequest, settings: Settings, progress: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure everything and write ``records.json`` and ``grid.png`` below `request.out`; resumes an interrupted run.

    A method that can't do the protocol's task isn't run; the records have the reason.

    Returns:
        The content of records.json (`lcvd.evaluate.records_file`).

    Raises:
        UsageError: an unknown method or metric, no method that can do the task, a clip that is missing or too short, or
            results that don't fit the protocol: all of them are listed.
        MissingWeights: a published metric's or method's file is missing.
        ClipError: a clip shows no face, or doesn't decode.
    """
    protocol, device = request.protocol, default_device()
    refused = _refused(request)
    named = [name for name in dict.fromkeys((DRIVING, *request.methods)) if name not in refused]
    methods = _opened(request, named, settings, device)
    session = MetricSession(request.metrics, settings, device)
    paths = inputs_of(protocol, request.clips)
    _check_folders(request, list(paths))
    lights = lights_of(protocol, request.lights_folder, request.cache, settings)
    shown = pairs_of(list(paths), [light.name for light in lights] or [OWN])

    def report(source: Input, light: TargetLight, method: str, share: float) -> None:
        if share == 0:
            progress(f"{source.id}, {light.name}: {method}")

    count = protocol.frames
    sampling = f"one image, {count} times" if protocol.task == "still" else f"the first {count} frames"
    engine = Engine(
        protocol, settings, session, methods, Cache(request.cache), request.out / "results",
        f"{protocol.name}: {sampling}", report,
    )  # fmt: skip
    rows: list[Row] = []
    for id, pair in paths.items():
        progress(f"{id}: reconstruct")
        source = file_input(id, pair, protocol, request.cache, settings)
        targets = lights or [own_light(source)]
        videos = engine.add(source, targets)
        for light in (each for each in targets if (id, each.name) in shown):
            made = {engine.title(name): videos[name, light.name] for name in methods if name != DRIVING}
            rows.append(grid_row(source, light, made, animate=protocol.task == "animate"))
    write_sheet(request.out / GRID, rows)
    run = {"profile": settings.profile, "seed": settings.seed, "mask": settings.reconstruct.mask}
    return write_records(request.out / "records.json", engine.content(refused, (), run))


def expected_videos(protocol: Protocol, inputs: Sequence[str]) -> list[ExpectedVideo]:
    """The videos that the protocol requires from every method."""
    lights = [Path(light).stem for light in protocol.lights] or [OWN]
    return [ExpectedVideo(id, light, protocol.frames, protocol.size) for id in inputs for light in lights]


def _check_folders(request: BenchmarkRequest, inputs: Sequence[str]) -> None:
    expected = expected_videos(request.protocol, inputs)
    folders = {name: folder for name, folder in request.methods.items() if folder}
    found = [f"{name}: {problem}" for name, folder in folders.items() for problem in check_folder(folder, expected)]
    if found:
        raise UsageError(f"{len(found)} results don't fit the protocol:\n" + "\n".join(f"  {each}" for each in found))


def _refused(request: BenchmarkRequest) -> dict[str, dict[str, str]]:
    """The entry in the records of each method that can't do the task, by name."""
    protocol, found = request.protocol, {}
    for name in (each for each, folder in request.methods.items() if folder is None and each in METHODS):
        method, reason = METHODS.get(name), ""
        if method.needs_truth:
            reason = "only studio clips have one"
        elif protocol.task == "animate" and not method.animates:
            reason = "can't animate"
        if reason:
            found[name] = {"title": protocol.titles.get(name, method.title), "refused": reason}
    if len(found) == len(request.methods):
        reasons = "; ".join(f"{name}: {each['refused']}" for name, each in found.items())
        raise UsageError(f"{reasons}; name a method that can: {OURS}, or a folder of results NAME=FOLDER")
    return found


def _opened(
    request: BenchmarkRequest, names: Sequence[str], settings: Settings, device: torch.device
) -> dict[str, Method]:
    """Construct the methods, before anything is decoded. A variant is the model with other settings."""
    options = Options(settings, request.model, device)
    found: dict[str, Method] = {}
    for name in names:
        if folder := request.methods.get(name):
            found[name] = ResultFolder(name, folder)
        elif variant := request.protocol.variants.get(name):
            found[name] = METHODS.get(OURS)(options.changed(settings_of(settings, variant)))
        elif name in METHODS:
            found[name] = METHODS.get(name)(options)
        else:
            known = ", ".join((*METHODS, *request.protocol.variants))
            raise UsageError(
                f"method {name!r} isn't one of {known}; for results made elsewhere, give a folder: {name}=FOLDER"
            )
    return found


def settings_of(settings: Settings, variant: Variant) -> Settings:
    """The settings with a variant's changes of section `evaluate`."""
    changes = {key: value for key, value in variant if key != "title" and value is not None}
    return settings.model_copy(update={"evaluate": settings.evaluate.model_copy(update=changes)})
