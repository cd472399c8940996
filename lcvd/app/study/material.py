"""The folder of a user study: for each shot a reference portrait, an image of the light, and a video by every method.

======================================  ==============================================================
``reference/<shot>.png`` (or .jpg)      the reference portrait
``light/<shot>.png`` (or .jpg)          an image that shows the target light, such as a lit ball
``videos/<method>/<shot>.mp4``          the video of each method; every method needs every shot
``ratings.jsonl``                       the ratings, one per line (`lcvd.app.study.ratings`)
``.study-key``                          the key of random ids and orders; created on first use
======================================  ==============================================================
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lcvd.errors import FileError, MissingFile

IMAGES = (".png", ".jpg", ".jpeg")
KEY_FILE, ID_LENGTH = ".study-key", 20


@dataclass(frozen=True)
class Trial:
    """One video to rate. The browser receives only the ids, never `method` and `shot`."""

    id: str
    method: str
    shot: str
    video: str
    reference: str
    light: str
    """`video`, `reference` and `light` are the ids of the media files."""


@dataclass(frozen=True)
class Study:
    """The content of a complete study folder."""

    folder: Path
    methods: tuple[str, ...]
    shots: tuple[str, ...]
    media: dict[str, Path]
    """Media files by id."""
    trials: dict[str, Trial]
    """All trials by id."""
    key: bytes

    @property
    def ratings(self) -> Path:
        """Path of the ratings."""
        return self.folder / "ratings.jsonl"

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Trial]:
        """Trials by (method, shot)."""
        return {(trial.method, trial.shot): trial for trial in self.trials.values()}

    def order(self, rater: str) -> list[Trial]:
        """All trials in this rater's random but fixed order."""
        seed = int.from_bytes(_digest(self.key, "order", rater)[:16])
        trials = [self.by_name[name] for name in sorted(self.by_name)]
        return [trials[i] for i in np.random.default_rng(seed).permutation(len(trials))]


def open_study(folder: Path) -> Study:
    """Read a study's folder; a missing key is created.

    Raises:
        MissingFile: the folder has no videos, or videos or images are missing; the message lists them.
        FileError: a link points out of the folder.
    """
    root = folder / "videos"
    methods = tuple(sorted(path.name for path in root.iterdir() if path.is_dir())) if root.is_dir() else ()
    shots = tuple(sorted({path.stem for name in methods for path in (root / name).glob("*.mp4")}))
    if not shots:
        raise MissingFile(f"{root}: no videos; a study has videos/<method>/<shot>.mp4, see docs/study.md")
    videos = {(name, shot): root / name / f"{shot}.mp4" for name in methods for shot in shots}
    images = {(kind, shot): _image(folder / kind, shot) for kind in ("reference", "light") for shot in shots}
    missing = sorted(str(path.relative_to(folder)) for path in (videos | images).values() if not path.is_file())
    if missing:
        raise MissingFile(f"{folder}: the study lacks {', '.join(missing)}")
    for path in (videos | images).values():
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FileError(f"{path}: links to {path.resolve()}, outside of {folder}; copy the file into the study")
    key = _key(folder / KEY_FILE)

    def id_of(*words: str) -> str:
        return _digest(key, *words).hex()[:ID_LENGTH]

    media = {id_of("video", *name): path for name, path in videos.items()}
    media |= {id_of("picture", *name): path for name, path in images.items()}
    trials = {}
    for name in videos:
        ids = (id_of("video", *name), *(id_of("picture", kind, name[1]) for kind in ("reference", "light")))
        trial = Trial(id_of("trial", *name), *name, *ids)
        trials[trial.id] = trial
    return Study(folder, methods, shots, media, trials, key)


def _image(folder: Path, shot: str) -> Path:
    """Path of the shot's image; if there is none, the path of a PNG."""
    candidates = [folder / f"{shot}{suffix}" for suffix in IMAGES]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _key(path: Path) -> bytes:
    """The study's random key; without it, raters could compute the id of a guessed method name."""
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
        raise FileError(f"{path}: not a study's key; delete it to create a new one (this changes the order of videos)")
    return key


def _digest(key: bytes, *words: str) -> bytes:
    return hmac.new(key, "\0".join(words).encode(), hashlib.sha256).digest()
