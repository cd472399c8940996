"""Join the ledgers of all stages: the history of a clip, and the counts of a stage."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from lcvd.errors import UsageError
from lcvd.ledger.rows import Row, read_ledger, uncollected

STAGES = ("download", "filter", "reconstruct", "shard")


def story(data: Path, id: str) -> list[tuple[str, Row]]:
    """(stage, row) of clip `id`, in the order of the stages.

    Raises:
        UsageError: the clip is in no ledger.
    """
    found = [(stage, row) for stage, path in _ledgers(data).items() for row in read_ledger(path, id)]
    if not found:
        raise UsageError(f"clip {id!r} is in no ledger under {data}; `lcvd ledger` lists all clips")
    return found


def last_rows(data: Path) -> dict[str, tuple[str, Row]]:
    """For each clip id, sorted, the last stage that has a row of it, and that row."""
    last: dict[str, tuple[str, Row]] = {}
    with uncollected():
        for stage, path in _ledgers(data).items():
            last.update((row.id, (stage, row)) for row in read_ledger(path))
        return {id: last[id] for id in sorted(last)}


def _ledgers(data: Path) -> dict[str, Path]:
    """Files of the ledgers that exist, by stage."""
    paths = {stage: data / stage / "ledger.parquet" for stage in STAGES}
    return {stage: path for stage, path in paths.items() if path.exists()}


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """Number of rows by status, and by ``status:reason`` for those with a reason."""
    return named_counts(Counter((row.status, row.reason) for row in rows))


def named_counts(found: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """The result of `counts` for numbers of rows by (status, reason)."""
    tally: Counter[str] = Counter()
    for (status, reason), number in found.items():
        tally[status] += number
        if reason:
            tally[f"{status}:{reason}"] += number
    return dict(sorted(tally.items()))
