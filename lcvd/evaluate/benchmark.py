"""Evaluate methods under a protocol: from a folder of clips and methods' names to records."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lcvd.cache.atomic import write_text_whole
from lcvd.cache.store import Cache
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.evaluate.caveats import remarks
from lcvd.evaluate.engine import Run, problems
from lcvd.evaluate.figures.grid import GRID, pairs_of, write_grid
from lcvd.evaluate.inputs import OWN, lights_of, names_of, open_input
from lcvd.evaluate.methods.base import Method, Options
from lcvd.evaluate.methods.registry import PLUGINS, open_method
from lcvd.evaluate.protocol import Manifest, Variant
from lcvd.metrics.session import MetricSession

OURS = "lcvd"


@dataclass(frozen=True)
class Asked:
    """What an evaluation is asked for: `methods` are names of code, or of folders of results where one is given."""

    manifest: Manifest
    beside: Path
    """Folder that the manifest's light files are relative to."""
    clips: Path
    methods: Mapping[str, Path | None]
    metrics: Sequence[str]
    model: Path
    out: Path
    cache: Path


def judge(asked: Asked, settings: Settings, progress: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure everything and write ``records.json`` and ``grid.png``, a picture of all methods, below `asked.out`; resumes
    where an earlier run was stopped.

    A method that can't do the protocol's task isn't run: it stands in `refused`, with the reason.

    Returns:
        What the file holds: `manifest`, `inputs`, `methods` (what each was, or made with), `refused`, `arms` of records,
        and `remarks` on how to read them.

    Raises:
        UsageError: an unknown method or metric, no method that can do the task, a clip that is missing or too short, or results that don't fit the
            protocol: all of them are listed.
        MissingWeights: a published metric's or method's file isn't there.
        ClipError: a clip shows no face, or doesn't decode.
    """
    manifest, device = asked.manifest, torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folders = {name: folder for name, folder in asked.methods.items() if folder is not None}
    refused = _refused(asked)
    methods = _methods(asked, refused, settings, device)
    session = MetricSession(asked.metrics, settings, device)
    cache = Cache(asked.cache)
    inputs = names_of(manifest, asked.clips)
    names = [Path(light).stem for light in manifest.lights] or [OWN]
    shown = pairs_of(list(inputs), names)
    run = Run(manifest, settings, session, cache, asked.out, folders, methods, shown, progress)
    if found := problems(run, inputs, names):
        raise UsageError(f"{len(found)} results don't fit the protocol:\n" + "\n".join(f"  {each}" for each in found))
    lights = lights_of(manifest, asked.beside, asked.cache, settings)
    for id, paths in inputs.items():
        progress(f"{id}: reconstruct")
        run.add(open_input(id, paths, manifest, asked.cache, settings), lights)
    arms = {arm: [record.plain() for record in records] for arm, records in run.records().items()}
    full = {
        "manifest": manifest.model_dump(mode="json"),
        "inputs": list(inputs),
        "methods": {name: run.facts.get(name, {"folder": True}) for name in asked.methods if name not in refused},
        "refused": refused,
        "arms": arms,
        "remarks": remarks(manifest, methods, arms),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    write_grid(asked.out / GRID, run.rows)
    write_text_whole(asked.out / "records.json", json.dumps(full, indent=2, sort_keys=True, allow_nan=False) + "\n")
    return full


def _refused(asked: Asked) -> dict[str, str]:
    """Why methods that are code can't do the task, by name."""
    if asked.manifest.task != "animate":
        return {}
    code = [name for name, folder in asked.methods.items() if folder is None and name in PLUGINS]
    found = {name: "can't animate" for name in code if not PLUGINS[name].animates}
    if len(found) == len(asked.methods):
        raise UsageError(
            f"{', '.join(found)}: can't animate, they relight the frames they are given; "
            f"name a method that can: {OURS}, or a folder of results NAME=FOLDER"
        )
    return found


def _methods(asked: Asked, refused: Container[str], settings: Settings, device: torch.device) -> dict[str, Method]:
    """The methods that are code, opened before anything is decoded; a variant of an ablation is our model with other settings."""
    found: dict[str, Method] = {}
    for name in (name for name, folder in asked.methods.items() if folder is None and name not in refused):
        if name not in PLUGINS and name not in asked.manifest.variants:
            known = ", ".join((*PLUGINS, *asked.manifest.variants))
            raise UsageError(f"method {name!r} isn't one of {known}; of another, name its folder: {name}=FOLDER")
        variant = asked.manifest.variants.get(name)
        own = settings if variant is None else _changed(settings, variant)
        plugin = name if variant is None else OURS
        found[name] = open_method(plugin, Options(own, asked.model, device))
    return found


def _changed(settings: Settings, variant: Variant) -> Settings:
    changes = {key: value for key, value in variant if key != "title" and value is not None}
    return settings.model_copy(update={"evaluate": settings.evaluate.model_copy(update=changes)})
