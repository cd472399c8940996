"""The ledger of a stage: one row per clip, with its status and the reason.

A ledger is a Parquet file sorted by clip id. Its bytes depend on inputs alone: tracebacks and times go to an untracked
log next to the cache (`guard`).
"""

from __future__ import annotations

import gc
import itertools
import logging
import math
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lcvd.cache.atomic import written_whole
from lcvd.errors import LcvdError, MachineError, MissingFile, UsageError, gpu_out_of_memory, machine_error
from lcvd.ledger.tally import clip_counted

Status = Literal["kept", "filtered", "failed"]
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "status", "reason", "detail")]
    + [("score", pa.float64()), ("fields", pa.string())]
)
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
GROUP, STEP = 50_000, 2_000
"""Rows per row group of the file, and rows converted at once (few enough to fit into the CPU cache)."""
log = logging.getLogger(__name__)


class ClipError(LcvdError):
    """A clip can't be processed. `reason`: a short code; `detail`: the message, with the cause and a remedy."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[ClipError], tuple[str, str]]:
        return ClipError, (self.reason, self.detail)


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one clip in one stage. `fields`: further values of the stage, which JSON can represent."""

    id: str
    status: Status
    reason: str = ""
    detail: str = ""
    score: float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def kept(id: str, score: float | None = None, **fields: Any) -> Row:
    """The clip is passed to the next stage."""
    return Row(id, "kept", score=score, fields=fields)


def filtered(id: str, reason: str, detail: str, score: float | None = None, **fields: Any) -> Row:
    """The clip was rejected, which is final until the settings change."""
    return Row(id, "filtered", reason, detail, score, fields)


def failed(id: str, reason: str, detail: str, **fields: Any) -> Row:
    """The clip couldn't be processed; `lcvd retry` processes it again."""
    return Row(id, "failed", reason, detail, None, fields)


def write_ledger(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, sorted by id; equal rows give equal bytes.

    Raises:
        UsageError: two rows have the same id.
    """
    ordered = sorted(rows, key=attrgetter("id"))
    twice = next((a.id for a, b in itertools.pairwise(ordered) if a.id == b.id), None)
    if twice is not None:
        raise UsageError(f"{path}: two rows have the id {twice!r}; ids must be unique over all source manifests")
    with uncollected(), written_whole(path) as temporary, pq.ParquetWriter(temporary, _SCHEMA) as writer:
        for start in range(0, max(1, len(ordered)), GROUP):
            group = ordered[start : start + GROUP]
            steps = [_batch(group[i : i + STEP]) for i in range(0, max(1, len(group)), STEP)]
            writer.write_table(pa.Table.from_batches(steps), row_group_size=GROUP)


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names[:4]}
    columns["score"] = [None if row.score is None or math.isnan(row.score) else float(row.score) for row in rows]
    columns["fields"] = [orjson.dumps(dict(row.fields), option=_JSON) for row in rows]
    return pa.RecordBatch.from_pydict(columns, schema=_SCHEMA)


def read_ledger(path: Path, id: str | None = None) -> list[Row]:
    """Rows of a ledger, sorted by id; with `id`, only the row of that clip, if there is one.

    Raises:
        MissingFile: the stage hasn't run.
    """
    filters = None if id is None else [("id", "=", id)]
    rows: list[Row] = []
    with uncollected():
        for batch in _table(path, filters=filters).to_batches(GROUP):
            *values, fields = batch.columns
            stored = map(_StoredFields, itertools.repeat(fields), range(len(batch)))
            rows += map(Row, *(column.to_pylist() for column in values), stored)
    return rows


def read_counts(path: Path) -> Counter[tuple[str, str]]:
    """Number of rows of a ledger by (status, reason), without reading the other columns.

    Raises:
        MissingFile: as `read_ledger`.
    """
    found = _table(path, columns=["status", "reason"]).group_by(["status", "reason"]).aggregate([([], "count_all")])
    return Counter({(row["status"], row["reason"]): row["count_all"] for row in found.to_pylist()})


@contextmanager
def uncollected() -> Iterator[None]:
    """Suspend garbage collection: searching a million new rows, which have no cycles, takes longer than creating them."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _StoredFields(Mapping[str, Any]):
    """The JSON object at `index` of a column of strings, decoded on each access, so that a million rows stay small."""

    __slots__ = ("_column", "_index")

    def __init__(self, column: pa.StringArray, index: int) -> None:
        self._column, self._index = column, index

    def __getitem__(self, key: str) -> Any:
        return self._decoded()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def __repr__(self) -> str:
        return repr(self._decoded())

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (self._decoded(),)  # otherwise each pickled row would contain the whole column

    def _decoded(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._column[self._index].as_py())
        return found


def _table(path: Path, **options: Any) -> pa.Table:
    if not path.exists():
        raise MissingFile(f"{path}: no ledger; run `dvc repro {path.parent.name}` first")
    return pq.read_table(path, schema=_SCHEMA, **options)


def guard(id: str, work: Callable[[], Row], journal: Path) -> Row:
    """Run `work` and return its row; an exception becomes a failed row, with its traceback in the file `journal`.

    MemoryError, torch's OutOfMemoryError, MachineError and KeyboardInterrupt are raised: they concern the machine, not the clip.

    Raises:
        MachineError: reading or writing fails for all clips alike, for example on a full disk or in a read-only folder.
    """
    try:
        with clip_counted():
            return work()
    except ClipError as error:
        row = failed(id, error.reason, error.detail)
    except (MemoryError, MachineError):
        raise
    except Exception as error:
        if gpu_out_of_memory(error):
            raise
        if machine := machine_error(error):
            raise machine from error
        row = failed(id, type(error).__name__, f"{error}")
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a", encoding="utf-8") as stream:
            stream.write(f"{datetime.now(UTC).isoformat()} {id}\n{traceback.format_exc()}\n")
    log.warning("%s: %s: %s", row.id, row.reason, row.detail)
    return row
