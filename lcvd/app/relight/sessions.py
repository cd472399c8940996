"""Who uses the page: everybody has a folder of their own, found by a random id that their browser alone is told."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lcvd.app.relight.jobs import Job
from lcvd.app.relight.light import SIDE
from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.relighting.scene import Scene

IDLE_SECONDS = 2 * 3600
"""After so long without a request a session's files are deleted, when somebody else comes."""
MOST = 32
RESULTS = 12
"""Results that are kept for one session; older ones are deleted."""


@dataclass(eq=False)
class Session:
    """What one browser uploaded and had made. All of its files lie in `folder`."""

    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    files: dict[str, Path] = field(default_factory=dict)
    """What was given as ``portrait``, ``driving`` and ``map``."""
    scene: Scene | None = None
    environment: Array | None = None
    results: dict[str, Path] = field(default_factory=dict)
    """Every file that may be fetched, by random id, oldest first."""
    job: Job | None = None
    seen: float = field(default_factory=time.monotonic)
    _under: tuple[Scene, int, Callable[[Array], Array]] | None = None

    def under(self, frame: int) -> Callable[[Array], Array] | None:
        """What renders a frame's hint for any light; the mesh is rasterised when another frame or scene is asked for.

        Raises:
            UsageError: there is no such frame.
        """
        scene = self.scene
        if scene is None:
            return None
        if not 0 <= frame < scene.frames:
            raise UsageError(f"frame: expected 0 to {scene.frames - 1}, got {frame}")
        if self._under is None or self._under[0] is not scene or self._under[1] != frame:
            self._under = (scene, frame, scene.preview(frame, SIDE))
        return self._under[2]

    def offer(self, path: Path) -> str:
        """Let a file be fetched; gives its id."""
        id = secrets.token_urlsafe(16)
        self.results[id] = path
        while len(self.results) > RESULTS:
            self.results.pop(next(iter(self.results))).unlink(missing_ok=True)
        return id

    def plain(self, text: str) -> str:
        """An error's text with the names that the user gave, without where files lie here."""
        for path in self.files.values():
            text = text.replace(str(path), path.name)
        return text.replace(f"{self.folder}/", "")


class Sessions:
    """All sessions, below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._all: dict[str, Session] = {}

    def find(self, id: str | None) -> Session | None:
        """The session of that id, if there is one."""
        found = self._all.get(id or "")
        if found:
            found.seen = time.monotonic()
        return found

    def new(self) -> Session | None:
        """A new one; None where there are too many."""
        for session in list(self._all.values()):
            if time.monotonic() - session.seen > IDLE_SECONDS and not (session.job and session.job.open):
                self._drop(session)
        if len(self._all) >= MOST:
            return None
        folder = self._root / secrets.token_hex(12)
        folder.mkdir(mode=0o700)
        session = Session(folder)
        self._all[session.id] = session
        return session

    def _drop(self, session: Session) -> None:
        del self._all[session.id]
        shutil.rmtree(session.folder, ignore_errors=True)
