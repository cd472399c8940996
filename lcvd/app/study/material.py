"""What a user study shows: for each shot a portrait, a picture of the light, and every method's video of it.

======================================  ==============================================================
``reference/<shot>.png`` (or .jpg)      the portrait that the person is to be
``light/<shot>.png`` (or .jpg)          a picture that shows the light asked for, such as a lit ball
``videos/<method>/<shot>.mp4``          each method's video; every method has every shot
``ratings.jsonl``                       what raters said, one line a rating (`lcvd.app.study.ratings`)
``.study-key``                          what ids and orders are drawn with; made on first use
======================================  ==============================================================
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lcvd.errors import FileError, MissingFile

PICTURES = (".png", ".jpg", ".jpeg")
KEY_FILE, ID_LENGTH = ".study-key", 20


@dataclass(frozen=True)
class Trial:
    """One video to judge. `id` is all of it that a browser is told; `method` and `shot` stay here."""

    id: str
    method: str
    shot: str
    video: str
    reference: str
    light: str
    """Ids under which the video and the two pictures are fetched."""


@dataclass(frozen=True)
class Study:
    """A study's folder, found complete."""

    folder: Path
    methods: tuple[str, ...]
    shots: tuple[str, ...]
    media: dict[str, Path]
    """Every file that may be fetched, by id."""
    trials: dict[str, Trial]
    """Every video, by its trial's id."""
    key: bytes

    @property
    def ratings(self) -> Path:
        """Where ratings are kept."""
        return self.folder / "ratings.jsonl"

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Trial]:
        """Trials by (method, shot)."""
        return {(trial.method, trial.shot): trial for trial in self.trials.values()}

    def order(self, rater: str) -> list[Trial]:
        """All trials in this rater's own order: random, and the same each time."""
        seed = int.from_bytes(_digest(self.key, "order", rater)[:16])
        trials = [self.by_name[name] for name in sorted(self.by_name)]
        return [trials[i] for i in np.random.default_rng(seed).permutation(len(trials))]


def open_study(folder: Path) -> Study:
    """Read a study's folder; its key is made if there is none.

    Raises:
        MissingFile: no folder, no methods, or a video or picture is missing; all of them are named.
        FileError: a file leads out of the folder.
    """
    root = folder / "videos"
    methods = tuple(sorted(path.name for path in root.iterdir() if path.is_dir())) if root.is_dir() else ()
    shots = tuple(sorted({path.stem for name in methods for path in (root / name).glob("*.mp4")}))
    if not shots:
        raise MissingFile(f"{root}: no videos; a study has videos/<method>/<shot>.mp4, see docs/study.md")
    videos = {(name, shot): root / name / f"{shot}.mp4" for name in methods for shot in shots}
    pictures = {(kind, shot): _picture(folder / kind, shot) for kind in ("reference", "light") for shot in shots}
    missing = sorted(str(path.relative_to(folder)) for path in (videos | pictures).values() if not path.is_file())
    if missing:
        raise MissingFile(f"{folder}: the study lacks {', '.join(missing)}")
    for path in (videos | pictures).values():
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FileError(
                f"{path}: leads out of {folder} to {path.resolve()}; a study shows only files of its folder"
            )
    key = _key(folder / KEY_FILE)
    media: dict[str, Path] = {}
    found: dict[tuple[str, str, str], str] = {}
    for group, files in (("video", videos), ("picture", pictures)):
        for name, path in files.items():
            id = _digest(key, group, *name).hex()[:ID_LENGTH]
            media[id], found[(group, *name)] = path, id
    trials = [
        Trial(
            _digest(key, "trial", *name).hex()[:ID_LENGTH],
            *name,
            video=found[("video", *name)],
            reference=found[("picture", "reference", name[1])],
            light=found[("picture", "light", name[1])],
        )
        for name in videos
    ]
    return Study(folder, methods, shots, media, {trial.id: trial for trial in trials}, key)


def _picture(folder: Path, shot: str) -> Path:
    """The shot's picture; where there is none, the path where a PNG is missed."""
    candidates = [folder / f"{shot}{suffix}" for suffix in PICTURES]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _key(path: Path) -> bytes:
    """Random bytes: without them an id would tell which method it is, for who guesses the names."""
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        path.chmod(0o600)
    except FileExistsError:
        pass
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise FileError(f"{path}: not a study's key; delete it and a new one is made (raters' orders will change)")
    return key


def _digest(key: bytes, *words: str) -> bytes:
    return hmac.new(key, "\0".join(words).encode(), hashlib.sha256).digest()
