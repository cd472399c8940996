"""What a reader of a protocol's table has to know to make sense of the order of its methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.protocol import Manifest
from lcvd.metrics.light_error import ANGLE, LE_OPEN

INPUT = "input"
"""Arm of the input itself, which nobody relit."""
SMALL = {"size": 256, "parameters": 300_000_000}
"""A model below either of these can't show a face sharply, however long it trains: the published one has 512 px and 1.5
billion parameters."""


def is_small(facts: Mapping[str, Any]) -> bool:
    """Whether soft pictures are to be expected of a model with these `size` and `parameters`, see `SMALL`."""
    return any(facts[key] < least for key, least in SMALL.items())


def remarks(
    manifest: Manifest, methods: Mapping[str, Method], arms: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[str]:
    """Sentences about what was found.

    Args:
        manifest: the protocol.
        methods: those that are code, and ran.
        arms: records (`Record.plain`) of all methods, and of the input.
    """
    named = {name: manifest.title_of(name) for name in arms}
    found = []
    small = {name: method.facts() for name, method in methods.items() if method.animates}
    small = {name: facts for name, facts in small.items() if "parameters" in facts and is_small(facts)}
    if small:
        facts = next(iter(small.values()))
        found.append(
            f"{_and(named[name] for name in small)}: a model of {facts['parameters'] / 1e6:.3g} million weights and "
            f"{facts['size']} px shows light and pose, but no face sharply; its likeness, FD and POSE are those of a soft "
            "picture, and say nothing about a model of the paper's size."
        )
    if manifest.task == "animate":
        return found
    edits = [named[name] for name, method in methods.items() if not method.animates]
    makes = [named[name] for name, method in methods.items() if method.animates]
    if edits and makes:
        found.append(
            f"{_and(edits)}: the input's own frames in other colours, so person, pose, motion and sharpness are the input's; "
            f"{_and(makes)} makes every pixel anew from one picture and the head's pose. Metrics of those favour the former."
        )
    return [*found, *_unlit(named, arms)]


def _unlit(named: Mapping[str, str], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Methods that are no nearer to the light than the input."""
    values = {arm: {each["name"]: each["value"] for each in records} for arm, records in arms.items()}
    given, found = values.get(INPUT, {}), []
    for metric in (LE_OPEN.name, ANGLE.name):
        known = {arm: each[metric] for arm, each in values.items() if arm != INPUT and each.get(metric) is not None}
        far = [named[arm] for arm, value in known.items() if given.get(metric) is not None and value >= given[metric]]
        if far:
            found.append(f"{metric}: {_and(far)} is no nearer to the light asked for than the input that nobody relit.")
    return found


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
