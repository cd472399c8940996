"""Make windows in a background thread while earlier ones are used."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(windows: Iterator[T], depth: int = 2) -> Iterator[T]:
    """The same windows, made in another thread; at most `depth` are made in advance. Its errors are raised here."""
    end = object()
    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(next, windows, end) for _ in range(depth))
        while (window := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, windows, end))
            yield window  # type: ignore[misc]  # not `end`
    finally:
        pool.shutdown(cancel_futures=True)
