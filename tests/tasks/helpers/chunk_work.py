"""Chunk functions for test_chunks.py, importable by pool workers."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from lcvd.ledger.rows import Row, kept


@dataclass(frozen=True)
class Item:
    id: str


def plain(items: list[Item], value: int) -> list[Row]:
    time.sleep(0.01 * (9 - int(items[0].id[-1])))  # the first finish last
    threads = {key: os.environ.get(key) for key in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return [kept(item.id, pid=os.getpid(), value=value, chunk=[i.id for i in items], **threads) for item in items]


def killed_by_some(items: list[Item], guilty: list[str], folder: Path) -> list[Row]:
    """A process dies whenever it works on a guilty item; `once-...` is guilty only the first time."""
    for item in items:
        mark = folder / item.id
        if item.id in guilty and not (item.id.startswith("once") and mark.exists()):
            mark.touch()
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGKILL)
    return [kept(item.id) for item in items]


def hungry(items: list[Item]) -> list[Row]:
    if any(item.id == "big" for item in items):
        raise MemoryError
    return [kept(item.id) for item in items]


def buggy(items: list[Item]) -> list[Row]:
    raise ZeroDivisionError("a bug")


def forgetful(items: list[Item]) -> list[Row]:
    return [kept(item.id) for item in items[1:]]


def slow(items: list[Item], folder: Path) -> list[Row]:
    (folder / str(os.getpid())).touch()
    time.sleep(600)
    return []
