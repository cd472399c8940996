"""Compare two evaluations' records: only numbers of one protocol can be, and what differs is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcvd.errors import UsageError

Plain = Mapping[str, Any]
"""A record as `lcvd.evaluate.record.Record.plain` writes it."""
FIELDS = ("name", "clips", "frames", "direction", "weights", "sha256")
"""What two records must share besides their `setup`."""


class DifferentSetups(UsageError):
    """Two numbers weren't measured alike; the message names the fields."""


@dataclass(frozen=True)
class Change:
    """A metric in two evaluations. A value is None where it couldn't be measured."""

    name: str
    before: float | None
    after: float | None
    apart: bool
    """Whether the bootstrap intervals are there and don't overlap."""
    versions: tuple[str, ...]
    """Packages that differ, as ``torch 2.12 -> 2.13``: numbers are still compared, within what a library may change."""


def differing(first: Plain, second: Plain) -> list[str]:
    """Fields of the protocol in which two records differ, each as ``field: one, other``; empty where they compare."""
    flat = [{key: each.get(key) for key in FIELDS} | dict(each.get("setup") or {}) for each in (first, second)]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    return [
        f"{key}: {flat[0].get(key)!r}, {flat[1].get(key)!r}" for key in keys if flat[0].get(key) != flat[1].get(key)
    ]


def change(before: Plain, after: Plain) -> Change:
    """What became of a metric.

    Raises:
        DifferentSetups: names the fields that differ.
    """
    if found := differing(before, after):
        raise DifferentSetups(f"{before['name']} wasn't measured alike: " + "; ".join(found))
    spans = [each["interval"] for each in (before, after)]
    apart = all(span and None not in span for span in spans) and (
        spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0]
    )
    old, new = before["versions"], after["versions"]
    packages = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    moved = tuple(f"{name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}" for name in packages)
    return Change(before["name"], before["value"], after["value"], apart, moved)


def changes(before: Sequence[Plain], after: Sequence[Plain]) -> list[Change]:
    """Changes of the metrics that both of two arms have, in the order of `before`.

    Raises:
        DifferentSetups: some weren't measured alike; all of them are named, with their fields.
        UsageError: the arms share no metric.
    """
    named = {each["name"]: each for each in after}
    pairs = [(each, named[each["name"]]) for each in before if each["name"] in named]
    if not pairs:
        raise UsageError(f"no metric in common: {[e['name'] for e in before]} and {[e['name'] for e in after]}")
    wrong = {each["name"]: found for each, other in pairs if (found := differing(each, other))}
    if wrong:
        lines = (f"  {name}: " + "; ".join(fields) for name, fields in wrong.items())
        raise DifferentSetups(
            "measured under different protocols, so these can't be compared; evaluate both alike:\n" + "\n".join(lines)
        )
    return [change(*pair) for pair in pairs]
