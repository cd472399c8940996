"""The published weights and optional packages that a run of all stages with given settings needs, before it starts."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from lcvd.config.settings import Settings
from lcvd.metrics.registry import METRICS
from lcvd.model.init_weights import PUBLISHED
from lcvd.weights.registry import entry_of, find_weights, weights_folder


@dataclass(frozen=True)
class Need:
    """Something that a setting requires."""

    setting: str
    """Key and value, as ``filter.quality.metric: fastervqa``."""
    missing: bool
    text: str
    """A weights file with path, licence and address, or a package with its installation."""


def needs(settings: Settings) -> Iterator[Need]:
    """What the settings require, in the order of the stages."""
    for setting, name in _weights(settings):
        entry, path = entry_of(name), find_weights(name)
        text = f"{path}" if path else f"{entry.address} ({entry.licence}) -> {weights_folder() / entry.file}"
        yield Need(setting, path is None, f"weights {name}: {text}")
    for setting, module, extra in _packages(settings):
        missing = importlib.util.find_spec(module) is None
        yield Need(setting, missing, f"package {module}" + (f": pip install {extra}" if missing else ": installed"))


def missing(settings: Settings) -> list[str]:
    """One line for each requirement that isn't met."""
    return [f"{need.setting} needs {need.text}" for need in needs(settings) if need.missing]


def _weights(settings: Settings) -> Iterator[tuple[str, str]]:
    reconstruct, model, evaluate = settings.reconstruct, settings.train.model, settings.evaluate
    if settings.filter.quality.metric == "fastervqa":
        yield "filter.quality.metric: fastervqa", "fastervqa"
    if reconstruct.codes == "deca":
        yield from (("reconstruct.codes: deca", name) for name in ("deca", "flame", "flame-masks"))
    if reconstruct.mask.startswith("u2net"):
        yield f"reconstruct.mask: {reconstruct.mask}", "u2net-human"
    if model.start in ("svd-xt", PUBLISHED):
        yield f"train.model.start: {model.start}", "svd-xt"
    if model.start == PUBLISHED:
        yield f"train.model.start: {model.start}", "lcvd"
    if model.latents.autoencoder == "sd-vae-ft-mse":
        yield "train.model.latents.autoencoder: sd-vae-ft-mse", "sd-vae-ft-mse"
    for name in evaluate.published:
        if registered := METRICS.get(name).registered:
            yield f"evaluate.published: {name}", registered
    if "dpr" in evaluate.methods:
        yield "evaluate.methods: dpr", "dpr"


def _packages(settings: Settings) -> Iterator[tuple[str, str, str]]:
    train, reconstruct = settings.train, settings.reconstruct
    if settings.filter.quality.metric == "piqe":
        yield "filter.quality.metric: piqe", "pyiqa", "'lcvd[quality]'"
    if reconstruct.codes == "deca" and reconstruct.deca.landmarks == "face-alignment":
        yield "reconstruct.deca.landmarks: face-alignment", "face_alignment", "'lcvd[deca]'"
    if train.optimiser.name == "adamw8bit":
        yield "train.optimiser.name: adamw8bit", "bitsandbytes", "'lcvd[adam8bit]'"
    for tracker in train.watch.trackers:
        yield f"train.watch.trackers: {tracker}", tracker, tracker
