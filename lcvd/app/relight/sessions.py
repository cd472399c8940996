"""Sessions of the page: each browser has a random id and its own folder."""

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
"""Sessions without a request for this long are deleted when a new one starts."""
MAX_SESSIONS = 32
MAX_RESULTS = 12
"""Maximum number of result files of a session; older ones are deleted."""


@dataclass(eq=False)
class Session:
    """Uploads and results of one browser; all of its files are in `folder`."""

    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    files: dict[str, Path] = field(default_factory=dict)
    """Uploaded files by role: ``portrait``, ``driving``, ``map``."""
    scene: Scene | None = None
    environment: Array | None = None
    results: dict[str, Path] = field(default_factory=dict)
    """Files that can be downloaded, by random id, oldest first."""
    job: Job | None = None
    seen: float = field(default_factory=time.monotonic)
    _under: tuple[Scene, int, Callable[[Array], Array]] | None = None

    def under(self, frame: int) -> Callable[[Array], Array] | None:
        """A function that renders the hint of a frame for any light; None without a scene.

        The mesh is rasterised once per frame and scene.

        Raises:
            UsageError: the frame doesn't exist.
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
        """Make a file available for download; returns its id."""
        id = secrets.token_urlsafe(16)
        self.results[id] = path
        while len(self.results) > MAX_RESULTS:
            self.results.pop(next(iter(self.results))).unlink(missing_ok=True)
        return id

    def plain(self, text: str) -> str:
        """An error message with the user's file names instead of server paths."""
        for path in self.files.values():
            text = text.replace(str(path), path.name)
        return text.replace(f"{self.folder}/", "")


class Sessions:
    """All sessions, with their folders in one root folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._all: dict[str, Session] = {}

    def find(self, id: str | None) -> Session | None:
        """The session with this id; None if there is none."""
        found = self._all.get(id or "")
        if found:
            found.seen = time.monotonic()
        return found

    def new(self) -> Session | None:
        """Start a session; None if there are too many. Idle sessions are deleted first."""
        for session in list(self._all.values()):
            if time.monotonic() - session.seen > IDLE_SECONDS and not (session.job and session.job.open):
                del self._all[session.id]
                shutil.rmtree(session.folder, ignore_errors=True)
        if len(self._all) >= MAX_SESSIONS:
            return None
        folder = self._root / secrets.token_hex(12)
        folder.mkdir(mode=0o700)
        session = Session(folder)
        self._all[session.id] = session
        return session
