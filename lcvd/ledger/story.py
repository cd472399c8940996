"""Join the ledgers of all stages: the story of a clip, and the counts of a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from lcvd.errors import UsageError
from lcvd.ledger.rows import Row, read_ledger, uncollected

STAGES = ("download", "filter", "reconstruct", "shard")


def story(data: Path, id: str) -> list[tuple[str, Row]]:
    """(stage, row) of clip `id`, in the order of the stages.

    Raises:
        UsageError: no ledger knows the clip.
    """
    found = []
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        if path.exists():
            found += [(stage, row) for row in read_ledger(path, id)]
    if not found:
        raise UsageError(f"clip {id!r} is in no ledger under {data}; `lcvd ledger` lists all clips")
    return found


def last_rows(data: Path) -> dict[str, tuple[str, Row]]:
    """For each clip, the last stage that wrote a row about it, and that row."""
    last: dict[str, tuple[str, Row]] = {}
    with uncollected():
        for stage in STAGES:
            path = data / stage / "ledger.parquet"
            if path.exists():
                last.update((row.id, (stage, row)) for row in read_ledger(path))
        return {id: last[id] for id in sorted(last)}


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """Rows a status, and a ``status:reason`` for what wasn't kept."""
    return named_counts(Counter((row.status, row.reason) for row in rows))


def named_counts(found: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """What `counts` gives, of rows counted by (status, reason)."""
    tally: Counter[str] = Counter()
    for (status, reason), number in found.items():
        tally[status] += number
        if reason:
            tally[f"{status}:{reason}"] += number
    return dict(sorted(tally.items()))
