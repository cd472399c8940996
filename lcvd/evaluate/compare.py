"""Compare the records of two evaluations. Records of different setups are refused, with the fields that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcvd.errors import UsageError

Plain = Mapping[str, Any]
"""A record as `lcvd.evaluate.record.Record.plain` writes it."""
FIELDS = ("name", "clips", "frames", "direction", "weights", "sha256")
"""Fields that must be equal, besides `setup`."""


class DifferentSetups(UsageError):
    """Two numbers were measured under different setups. The message names the fields."""


@dataclass(frozen=True)
class Change:
    """A metric in two evaluations. A value is None if it couldn't be measured."""

    name: str
    before: float | None
    after: float | None
    apart: bool
    """Whether both have bootstrap intervals, and these don't overlap."""
    versions: tuple[str, ...]
    """Packages with different versions, as ``torch 2.12 -> 2.13``. They don't prevent a comparison."""


def differing(first: Plain, second: Plain) -> list[str]:
    """Fields in which the setups of two records differ, as ``field: one, other``; empty if the records are comparable."""
    flat = [{key: each.get(key) for key in FIELDS} | dict(each.get("setup") or {}) for each in (first, second)]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    return [
        f"{key}: {flat[0].get(key)!r}, {flat[1].get(key)!r}" for key in keys if flat[0].get(key) != flat[1].get(key)
    ]


def change(before: Plain, after: Plain) -> Change:
    """The change of one metric.

    Raises:
        DifferentSetups: names the fields that differ.
    """
    if found := differing(before, after):
        raise DifferentSetups(f"{before['name']} was measured under different setups: " + "; ".join(found))
    spans = [each["interval"] for each in (before, after)]
    apart = all(span and None not in span for span in spans) and (
        spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0]
    )
    old, new = before["versions"], after["versions"]
    packages = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    moved = tuple(f"{name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}" for name in packages)
    return Change(before["name"], before["value"], after["value"], apart, moved)


def changes(before: Sequence[Plain], after: Sequence[Plain]) -> list[Change]:
    """Changes of the metrics that both methods have, in the order of `before`.

    Raises:
        DifferentSetups: some were measured under different setups. The message names all of them, with their fields.
        UsageError: there is no common metric.
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
