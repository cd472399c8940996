"""A stage's own values in a row, kept as the ledger stores them until they are looked at: a million rows stay small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa


class Stored(Mapping[str, Any]):
    """The JSON object at `index` of a column of texts; decoded at each look, as few rows are looked at twice."""

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
        return dict, (self._decoded(),)  # or every row would take its whole column along

    def _decoded(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._column[self._index].as_py())
        return found
