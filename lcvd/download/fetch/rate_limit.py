"""Per-host limits shared by all processes of a machine through files: concurrency, bandwidth and pauses."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from lcvd.config.download import DownloadSettings

_POLL = 0.05  # seconds between attempts to get a slot
_BURST = 0.5  # seconds of bandwidth that may be used in advance, so that small chunks do not each wait


class HostLimiter:
    """Limits for the host of `url`, shared by all processes. Refusals are counted per run (`run`)."""

    def __init__(self, folder: Path, url: str, settings: DownloadSettings, run: str) -> None:
        self.host = host_of(url)
        self.settings, self.run = settings, run
        self._folder = folder / re.sub(r"[^a-z0-9.-]", "_", self.host)
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Acquire one of the `per_host` slots and wait for the host's pauses. The kernel frees the slot if this process
        dies."""
        locks = [FileLock(self._folder / f"place-{number}.lock") for number in range(self.settings.per_host)]
        while True:
            for lock in locks:
                try:
                    held = lock.acquire(timeout=0)
                except Timeout:
                    continue
                with held:
                    self._wait_for_turn()
                    yield
                return
            time.sleep(_POLL)

    def pause(self, seconds: float) -> None:
        """Block new downloads from this host for `seconds`."""
        with self._state() as state:
            state["after"] = max(state.get("after", 0.0), time.time() + seconds)

    def throttle(self, size: int) -> None:
        """Wait until `size` more bytes fit into the host's bandwidth."""
        if not self.settings.rate_mb_s or not size:
            return
        with self._state() as state:
            state["paid"] = max(state.get("paid", 0.0), time.time()) + size / (1e6 * self.settings.rate_mb_s)
        time.sleep(max(0.0, state["paid"] - time.time() - _BURST))

    def record_outcome(self, refused: bool) -> None:
        """Count a refused source; a successful one resets the counter."""
        with self._state() as state:
            before = state.get("refused", 0) if state.get("run") == self.run else 0
            state.update(run=self.run, refused=before + 1 if refused else 0)

    def has_given_up(self) -> bool:
        """Whether the host has refused `give_up_after` sources in a row in this run, so it is not contacted again."""
        with self._state() as state:
            return state.get("run") == self.run and state.get("refused", 0) >= self.settings.give_up_after

    def _wait_for_turn(self) -> None:
        """Wait until all pauses are over, then start the next one."""
        while True:
            with self._state() as state:
                remaining = state.get("after", 0.0) - time.time()
                if remaining <= 0 and self.settings.pause_s:
                    state["after"] = time.time() + self.settings.pause_s
            if remaining <= 0:
                return
            time.sleep(min(remaining, 1.0))  # in short steps, because another process may change the pause

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """The state of the host, locked for the block; changes are saved."""
        path = self._folder / "state.json"
        with FileLock(self._folder / "state.lock"):
            try:
                before = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # no state yet, or an incomplete file: start over
                before = {}
            state = dict(before)
            yield state
            if state != before:
                path.write_text(json.dumps(state), encoding="utf-8")


def host_of(url: str) -> str:
    """Host and port of an address, without ``www.``"""
    return urlsplit(url).netloc.rpartition("@")[2].lower().removeprefix("www.")
