"""Protocols: the clips, lights and methods of one of the paper's tables. Each is a YAML file that users can copy and change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from lcvd.config.section import Section
from lcvd.errors import FileError, UsageError

FOLDER = Path(__file__).parent / "protocols"


class Variant(Section):
    """A row of an ablation: the trained model with other settings of section `evaluate`."""

    title: str
    """Title in the table."""
    guidance: float | None = Field(None, ge=0)
    """Replaces ``evaluate.guidance``."""
    likeness: float | None = Field(None, ge=0)
    """Replaces ``evaluate.likeness``."""
    adapters: Literal["shading+reference", "reference", "shading"] | None = None
    """Replaces ``evaluate.adapters``."""


class Protocol(Section):
    """The content of a protocol file. Unknown keys are errors."""

    name: str
    title: str
    """Heading of the table."""
    task: Literal["relight", "still", "animate"]
    """``relight``: relight each clip under each light. ``still``: the same for each image, or a clip's first frame, repeated.
    ``animate``: animate each portrait by its driving clip, under the portrait's own light."""
    clips: tuple[str, ...] = ()
    """File names without extension; empty: all media of the folder, sorted by name."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Task ``animate`` only: (portrait, driving clip); empty: each clip drives the next one."""
    frames: int = Field(100, ge=2)
    """Number of frames from the start of each clip, or of repetitions of an image. Shorter clips are refused."""
    size: int = Field(512, ge=32)
    """Side in pixels of the frames that are measured."""
    lights: tuple[str, ...] = ()
    """Presets, or files relative to the protocol: images of lit faces, environment maps, SH files."""
    metrics: tuple[str, ...]
    """Open metrics to measure."""
    published_metrics: tuple[str, ...] = ()
    """Metrics of the paper's table, measured on request. You must provide their weights."""
    methods: Mapping[str, str] = Field(default_factory=dict)
    """Rows: name and title of each method."""
    variants: Mapping[str, Variant] = Field(default_factory=dict)
    """Additional rows: the trained model with other settings."""
    defaults: tuple[str, ...] = ()
    """Methods and variants that are measured by default; none of them needs files that you must provide."""
    published: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """The paper's own numbers, by method (or variant) and the paper's name of the metric."""
    note: str = ""
    """Details that the paper doesn't state."""

    @model_validator(mode="after")
    def _consistent(self) -> Protocol:
        if self.task != "animate" and not self.lights:
            raise ValueError(f"lights: task {self.task} needs at least one")
        if self.task == "animate" and self.lights:
            raise ValueError("lights: in task animate the light is the portrait's; leave it out")
        if unknown := set(self.published) - set(self.methods) - set(self.variants):
            raise ValueError(f"published: {', '.join(sorted(unknown))} is neither among methods nor among variants")
        if unknown := set(self.defaults) - set(self.methods) - set(self.variants):
            raise ValueError(f"defaults: {', '.join(sorted(unknown))} is neither among methods nor among variants")
        stems = [Path(light).stem for light in self.lights]
        if len(set(stems)) < len(stems):
            raise ValueError(f"lights: two have the same name, and so would their results: {', '.join(stems)}")
        return self

    @property
    def titles(self) -> dict[str, str]:
        """Title of each row, a method or variant, by name."""
        return {**self.methods, **{name: each.title for name, each in self.variants.items()}}


def protocols() -> dict[str, Path]:
    """The included protocols by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_protocol(name: str) -> tuple[Protocol, Path]:
    """The protocol of that name or file, and its file.

    Raises:
        ValueError: there is no such protocol, or it is invalid. The message names keys and values.
    """
    path = protocols().get(name, Path(name))
    if not path.is_file():
        raise UsageError(f"protocol {name!r} is none of {', '.join(protocols())} and no file")
    try:
        return Protocol.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))), path
    except yaml.YAMLError as error:
        raise FileError(f"{path}: not valid YAML: {error}") from None
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, each['loc'])) or 'protocol'}: {each['msg']}" for each in error.errors())
        raise FileError(f"{path}:\n" + "\n".join(lines)) from None
