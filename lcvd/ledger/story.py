"""Join the ledgers of all stages: the story of a clip, and the counts of a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lcvd.ledger.rows import Row, read_ledger

STAGES = ("download", "filter", "reconstruct", "shard")


def story(data: Path, id: str) -> list[tuple[str, Row]]:
    """(stage, row) of clip `id`, in the order of the stages.

    Raises:
        KeyError: no ledger knows the clip.
    """
    found = []
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        if path.exists():
            found += [(stage, row) for row in read_ledger(path) if row.id == id]
    if not found:
        raise KeyError(f"clip {id!r} is in no ledger under {data}; `lcvd ledger` lists all clips")
    return found


def last_rows(data: Path) -> dict[str, tuple[str, Row]]:
    """For each clip, the last stage that wrote a row about it, and that row."""
    last: dict[str, tuple[str, Row]] = {}
    for stage in STAGES:
        path = data / stage / "ledger.parquet"
        if path.exists():
            last.update({row.id: (stage, row) for row in read_ledger(path)})
    return dict(sorted(last.items()))


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """Rows a status, and a ``status:reason`` for what wasn't kept."""
    tally: Counter[str] = Counter()
    for row in rows:
        tally[row.status] += 1
        if row.reason:
            tally[f"{row.status}:{row.reason}"] += 1
    return dict(sorted(tally.items()))
