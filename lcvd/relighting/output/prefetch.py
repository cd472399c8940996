"""Two things at once: windows are made in one thread while they are used in another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")


def ahead(windows: Iterator[T], depth: int = 2) -> Iterator[T]:
    """The same windows, made in another thread while the last ones are used; at most `depth` wait."""
    ready: Queue[Any] = Queue(depth)
    ended, left = object(), threading.Event()

    def put(item: Any) -> None:
        while not left.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except Full:
                continue

    def work() -> None:
        last: Any = ended
        try:
            for window in windows:
                put((window,))
                if left.is_set():
                    return
        except BaseException as error:  # raised again where the windows are used
            last = error
        put(last)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not ended:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        left.set()
        thread.join()
