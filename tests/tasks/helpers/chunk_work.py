"""Chunk functions for test_chunks.py, importable by pool workers."""

import logging
import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from lcvd.cache.store import Cache
from lcvd.ledger.rows import Row, failed, filtered, guard, kept
from lcvd.ledger.tally import count_frames, timed


@dataclass(frozen=True)
class Item:
    id: str


def plain(items: list[Item], value: int) -> list[Row]:
    time.sleep(0.01 * (9 - int(items[0].id[-1])))  # the first finish last
    threads = {key: os.environ.get(key) for key in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return [kept(item.id, pid=os.getpid(), value=value, chunk=[i.id for i in items], **threads) for item in items]


def sees(items: list[Item]) -> list[Row]:
    time.sleep(0.5)  # long enough for every worker to get one
    return [kept(item.id, pid=os.getpid(), gpu=os.environ["CUDA_VISIBLE_DEVICES"]) for item in items]


def killed_by_some(items: list[Item], guilty: list[str], folder: Path) -> list[Row]:
    """A process dies whenever it works on a guilty item; `once-...` is guilty only the first time."""
    folder.mkdir(exist_ok=True)
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


def out_of_gpu_memory(items: list[Item], guilty: list[str], folder: Path) -> list[Row]:
    """A clip that doesn't fit onto the GPU; `once-...` doesn't fit the first time only."""

    def work(item: Item) -> Row:
        mark = folder / item.id
        if item.id in guilty and not (item.id.startswith("once") and mark.exists()):
            mark.touch()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return kept(item.id)

    return [guard(item.id, partial(work, item), folder / "journal") for item in items]


def buggy(items: list[Item]) -> list[Row]:
    raise ZeroDivisionError("a bug")


def forgetful(items: list[Item]) -> list[Row]:
    return [kept(item.id) for item in items[1:]]


def slow(items: list[Item], folder: Path) -> list[Row]:
    (folder / str(os.getpid())).touch()
    time.sleep(600)
    return []


def timed_work(items: list[Item], cache: Path) -> list[Row]:
    """Ten frames a clip and 20 ms in a part of their own, once."""

    def work(id: str) -> Row:
        def make(folder: Path) -> None:
            count_frames(10)
            with timed("sleep"):
                time.sleep(0.02)
            (folder / "x").write_text(id)

        Cache(cache).entry("kind", id, make)
        return kept(id)

    return [guard(item.id, partial(work, item.id), cache / "log") for item in items]


def leaves(items: list[Item]) -> list[Row]:
    raise SystemExit(3)


def exit_outside(task: object, run: object, state: object) -> None:
    """A hook that Prefect calls in the worker after a chunk."""
    raise SystemExit(4)


def exit_outside_once(task: object, run: object, state: object) -> None:
    """The same, in the first worker that gets here."""
    try:
        Path(os.environ["CHUNK_WORK_LEFT"]).touch(exist_ok=False)
    except FileExistsError:
        return
    raise SystemExit(5)


def talks(items: list[Item]) -> list[Row]:
    for item in items:
        time.sleep(0.05)
        logging.getLogger("lcvd.talks").warning("says %s", item.id)
    return [kept(item.id) for item in items]


def judged(items: list[Item], seconds: float) -> list[Row]:
    """Of ten clips one fails and one is filtered."""
    rows = []
    for item in items:
        time.sleep(seconds)
        number = int(item.id[-1])
        rows.append(
            {0: failed(item.id, "gone", "404"), 7: filtered(item.id, "dark", "x", 0.1)}.get(number, kept(item.id, 0.9))
        )
    return rows


def judged_once(items: list[Item], seconds: float, made: Path) -> list[Row]:
    """The same, each clip once: what is done is found again. A clip's file holds a byte for each time that it was begun."""
    for item in items:
        if not (made / f"{item.id}.done").exists():
            with (made / item.id).open("a") as begun:
                begun.write("x")
            time.sleep(seconds)
            (made / f"{item.id}.done").touch()
    return judged(items, 0.0)
