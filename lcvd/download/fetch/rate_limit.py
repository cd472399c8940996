"""Politeness towards hosts, shared by all processes of this machine through files: how many ask at once, how fast, when."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from lcvd.config.download import DownloadSettings

_POLL = 0.05  # seconds between looks for a free place
_BURST = 0.5  # seconds of the rate that may be spent ahead, so that small pieces don't each wait


class Gate:
    """What all processes together ask of the host of `url`. `run` names the run that counts refusals."""

    def __init__(self, folder: Path, url: str, settings: DownloadSettings, run: str) -> None:
        self.host = host_of(url)
        self.settings, self.run = settings, run
        self._folder = folder / re.sub(r"[^a-z0-9.-]", "_", self.host)
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the `per_host` places, once the host's pauses are over. The kernel frees it if this process dies."""
        locks = [FileLock(self._folder / f"place-{number}.lock") for number in range(self.settings.per_host)]
        while True:
            for lock in locks:
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                try:
                    self._begin()
                    yield
                finally:
                    lock.release()
                return
            time.sleep(_POLL)

    def hold(self, seconds: float) -> None:
        """Nobody begins at this host for so long."""
        self._change(lambda state: state.update(after=max(state.get("after", 0.0), time.time() + seconds)))

    def spend(self, size: int) -> None:
        """Wait until `size` more bytes fit into the host's rate."""
        if not self.settings.rate_mb_s or not size:
            return

        def pay(state: dict[str, Any]) -> None:
            state["paid"] = max(state.get("paid", 0.0), time.time()) + size / (1e6 * self.settings.rate_mb_s)

        time.sleep(max(0.0, self._change(pay)["paid"] - time.time() - _BURST))

    def count(self, refused: bool) -> None:
        """Note that the host refused a source, or gave one."""

        def note(state: dict[str, Any]) -> None:
            before = state.get("refused", 0) if state.get("run") == self.run else 0
            state.update(run=self.run, refused=before + 1 if refused else 0)

        self._change(note)

    def closed(self) -> bool:
        """Whether the host refused so many sources in a row in this run that it isn't asked again."""
        state = self._change(lambda _: None)
        return state.get("run") == self.run and state.get("refused", 0) >= self.settings.give_up_after

    def _begin(self) -> None:
        """Wait for the pauses, then begin the next one."""
        while True:
            waits: list[float] = []

            def enter(state: dict[str, Any], waits: list[float] = waits) -> None:
                waits.append(state.get("after", 0.0) - time.time())
                if waits[0] <= 0 and self.settings.pause_s:
                    state["after"] = time.time() + self.settings.pause_s

            self._change(enter)
            if waits[0] <= 0:
                return
            time.sleep(min(waits[0], 1.0))  # by and by: somebody may have to wait no longer, or longer

    def _change(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        path = self._folder / "state.json"
        with FileLock(self._folder / "state.lock"):
            try:
                before = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # none yet, or torn by a death: politeness begins anew
                before = {}
            state = dict(before)
            change(state)
            if state != before:
                path.write_text(json.dumps(state), encoding="utf-8")
        return state


def host_of(url: str) -> str:
    """Host and port of an address, without ``www.``"""
    return urlsplit(url).netloc.rpartition("@")[2].lower().removeprefix("www.")
