"""Protocols: which clips, lights and methods make one of the paper's tables. Each is a file that its user can change."""

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
    """As the table shows it."""
    guidance: float | None = Field(None, ge=0)
    """Instead of ``evaluate.guidance``."""
    likeness: float | None = Field(None, ge=0)
    """Instead of ``evaluate.likeness``."""
    adapters: Literal["shading+reference", "reference", "shading"] | None = None
    """Instead of ``evaluate.adapters``."""


class Protocol(Section):
    """A protocol, as its file says. Keys that aren't known are errors."""

    name: str
    title: str
    """Heading of the table."""
    task: Literal["relight", "still", "animate"]
    """``relight``: each clip under each light. ``still``: each picture, or a clip's first frame, repeated, the same.
    ``animate``: each pair, portrait and driving clip; light and face are the portrait's."""
    clips: tuple[str, ...] = ()
    """File names without ending; empty: all media of the folder, in order."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Of ``animate``: (portrait, driving clip); empty: each clip drives the one after it."""
    frames: int = Field(100, ge=2)
    """First frames of each clip, or so often a picture is repeated. A shorter clip is refused."""
    size: int = Field(512, ge=32)
    """Side in pixels at which everything is measured."""
    lights: tuple[str, ...] = ()
    """Presets, or files relative to the protocol: pictures of lit faces, environment maps, SH files."""
    metrics: tuple[str, ...]
    """The open ones to measure."""
    published_metrics: tuple[str, ...] = ()
    """Those of the paper's table, measured when asked for: their weights are the user's to bring."""
    methods: Mapping[str, str] = Field(default_factory=dict)
    """Rows: name and title of each method."""
    variants: Mapping[str, Variant] = Field(default_factory=dict)
    """Further rows: the trained model with other settings."""
    defaults: tuple[str, ...] = ()
    """Of the methods and variants, those that are measured where none is named; none of them needs files of others."""
    published: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """The paper's own numbers, by method (or variant) and the paper's name of the metric."""
    note: str = ""
    """What isn't known about how the paper did it."""

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
            raise ValueError(f"lights: two bear one name, and so would their results: {', '.join(stems)}")
        return self

    @property
    def titles(self) -> dict[str, str]:
        """Title of each row, a method or variant, by name."""
        return {**self.methods, **{name: each.title for name, each in self.variants.items()}}


def protocols() -> dict[str, Path]:
    """The protocols that come along, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_protocol(name: str) -> tuple[Protocol, Path]:
    """The protocol of that name, or in that file; and its file.

    Raises:
        ValueError: there is none, or it doesn't fit; keys and values are named.
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
