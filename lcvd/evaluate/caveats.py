"""Caveats of a protocol's table: what a reader has to know before comparing its methods."""

from collections.abc import Iterable, Mapping
from typing import Any

from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.methods.registry import DRIVING
from lcvd.evaluate.protocol import Protocol
from lcvd.metrics.light_error import ANGLE, LE_OPEN

SMALL = {"size": 256, "parameters": 300_000_000}
"""A model below either limit can't generate a sharp face, however long it is trained. The published one has 512 px and 1.5
billion parameters."""


def is_small(facts: Mapping[str, Any]) -> bool:
    """Whether a model of this `size` and these `parameters` generates soft images, see `SMALL`."""
    return any(facts[key] < least for key, least in SMALL.items())


def caveats(protocol: Protocol, methods: Mapping[str, Method], results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences on these results.

    Args:
        protocol: what was evaluated.
        methods: the methods that were evaluated.
        results: their entries in records.json.
    """
    ranked = {name: method for name, method in methods.items() if method.ranked}
    titles = {name: results[name]["title"] for name in ranked}
    facts = {name: results[name]["facts"] for name in ranked}
    small = [name for name, found in facts.items() if "parameters" in found and is_small(found)]
    found = []
    if small:
        size, parameters = (facts[small[0]][key] for key in ("size", "parameters"))
        found.append(
            f"{_and(titles[name] for name in small)}: a model of {parameters / 1e6:.3g} million weights and {size} px "
            "reproduces light and pose, but no sharp face. Its likeness, FD and POSE are those of a soft image and don't "
            "carry over to a model of the paper's size."
        )
    if protocol.task == "animate":
        return found
    edits = [titles[name] for name, method in ranked.items() if not method.animates]
    makes = [titles[name] for name, method in ranked.items() if method.animates and not facts[name].get("folder")]
    if edits and makes:
        found.append(
            f"{_and(edits)}: the input's own frames in other colours, so person, pose, motion and sharpness are the input's. "
            f"{_and(makes)}: every pixel is generated from one image and the head's pose. Metrics of person, pose, motion and "
            "sharpness favour the former."
        )
    return [*found, *_unlit(titles, results)]


def _unlit(titles: Mapping[str, str], results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Methods that are no closer to the target light than the input."""
    values = {name: {each["name"]: each["value"] for each in results[name]["records"]} for name in (DRIVING, *titles)}
    found = []
    for metric in (LE_OPEN.name, ANGLE.name):
        unlit = values[DRIVING].get(metric)
        known = {name: value for name in titles if (value := values[name].get(metric)) is not None}
        far = [titles[name] for name, value in known.items() if unlit is not None and value >= unlit]
        if far:
            found.append(f"{metric}: {_and(far)} is no closer to the target light than the unmodified input.")
    return found


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
