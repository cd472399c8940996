"""What a protocol's methods are given: its clips found, reconstructed once, and shown a window at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.evaluate.methods.base import Shot, Window
from lcvd.evaluate.protocol import Manifest
from lcvd.evaluate.result_folders import VIDEOS
from lcvd.face.align import align
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel, head_of
from lcvd.face.square import square_pictures
from lcvd.model.conditioning import Conditioning
from lcvd.relighting.light_sources import light_from
from lcvd.relighting.media import IMAGES, SETTLING, media_of, pixels_of
from lcvd.relighting.portrait import Face, digest_of, reconstruct
from lcvd.render.hints import WINDOW, hints_of
from lcvd.video.decode import frames as decode

Array = NDArray[Any]
OWN = "own"


@dataclass(frozen=True)
class Light:
    """A light of the protocol, (9, 3); `picture` (H, W, 3) uint8 where it is a lit face's."""

    name: str
    light: Array
    picture: Array | None = None


@dataclass(frozen=True)
class Input:
    """One video to relight or to follow: `id`, the portrait, and who drives it; `codes` of the T frames to show."""

    id: str
    portrait: Face
    drive: Face
    codes: FaceCodes
    size: int
    repeat: bool
    """Whether the drive's first frame is shown T times."""

    @property
    def head(self) -> HeadModel:
        """The head that the codes are of."""
        return head_of(self.codes.head)

    def content(self) -> dict[str, Any]:
        """What decides its pixels and what methods are given: a part of cache keys."""
        faces = {"portrait": self.portrait.clip.content(), "drive": self.drive.clip.content()}
        codes = [digest_of(each, "light", "confidence") for each in (self.portrait.codes, self.codes)]
        made = {"codes": codes, "mask": sha256(self.portrait.mask.tobytes()).hexdigest()}
        square = [int(value) for value in self.drive.codes.square]
        return {
            **faces,
            **made,
            "square": square,
            "size": self.size,
            "frames": self.codes.frames,
            "repeat": self.repeat,
        }

    def windows(self) -> Iterator[Array]:
        """Its T frames (n, S, S, 3) uint8; each call decodes anew."""
        square = self.drive.codes.square
        if self.repeat:
            picture = self.drive.first(self.size)[0]
            for start in range(0, self.codes.frames, WINDOW):
                yield np.repeat(picture[None], min(WINDOW, self.codes.frames - start), axis=0)
            return
        for window in decode(self.drive.clip, WINDOW, self.codes.frames):
            yield square_pictures(window, square, self.size)

    def shot(self, light: Light, seed: int) -> Shot:
        """What a method is given to make this video under `light`."""
        portrait, mask = self.portrait.first(self.size)
        own = self.portrait.codes.window([0])
        return Shot(
            self.id, light.name, self.size, self.codes.frames, light.light, light.picture,
            Conditioning.rendered(portrait, mask, own, self.codes, light.light), lambda: self._windows(light.light), seed,
        )  # fmt: skip

    def _windows(self, light: Array) -> Iterator[Window]:
        start = 0
        for frames in self.windows():
            codes = self.codes.window(slice(start, start + len(frames)))
            own, wanted = (np.concatenate(list(hints_of(self.head, codes, self.size, each))) for each in (None, light))
            yield Window(frames, codes, own, wanted)
            start += len(frames)


def names_of(manifest: Manifest, folder: Path) -> dict[str, tuple[Path, Path]]:
    """(portrait, drive) of each of the protocol's inputs, by id.

    Raises:
        UsageError: a clip that the manifest names isn't in `folder`, or nothing is.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of clips")
    endings = (*VIDEOS, *IMAGES)
    media = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in endings}
    if manifest.task == "animate":
        stems = list(media)
        pairs = manifest.pairs or tuple(zip([*stems[1:], *stems[:1]], stems, strict=True))
        return {f"{a}__{b}": (_named(media, a, folder), _named(media, b, folder)) for a, b in pairs}
    found = {stem: _named(media, stem, folder) for stem in manifest.clips or media}
    if not found:
        raise UsageError(f"{folder}: no clip; looked for {', '.join(endings)}")
    return {stem: (path, path) for stem, path in found.items()}


def open_input(id: str, paths: tuple[Path, Path], manifest: Manifest, scratch: Path, settings: Settings) -> Input:
    """Reconstruct one input; `scratch` keeps what was reconstructed (`lcvd.relighting.portrait.reconstruct`).

    Raises:
        ClipError: no video, no face at all, ...; the message names the file.
        UsageError: a clip shorter than the protocol.
    """
    limit = 1 if manifest.task == "still" else manifest.frames
    drive = reconstruct(media_of(paths[1], scratch).beginning(max(limit, SETTLING)), scratch, settings)
    same = paths[0] == paths[1]
    portrait = drive if same else reconstruct(media_of(paths[0], scratch).beginning(SETTLING), scratch, settings)
    if manifest.task == "still":
        codes = drive.codes.window([0] * manifest.frames)
        return Input(id, portrait, drive, codes, manifest.size, repeat=True)
    if drive.codes.frames < manifest.frames:
        raise UsageError(
            f"{paths[1]}: {drive.codes.frames} frames, the protocol takes the first {manifest.frames}; leave the clip out "
            "of the manifest's clips, or lower its frames (--frames)"
        )
    codes = drive.codes.window(slice(0, manifest.frames))
    if manifest.task == "animate":
        codes = align(portrait.codes.window([0]), codes, "relative")
    return Input(id, portrait, drive, codes, manifest.size, repeat=False)


def lights_of(manifest: Manifest, beside: Path, scratch: Path, settings: Settings) -> list[Light]:
    """The protocol's lights; files are looked for beside the manifest.

    Raises:
        ValueError, ClipError: see `light_from`.
    """
    found = []
    for name in manifest.lights:
        path = beside / name
        given = str(path) if path.is_file() else name
        picture = None
        if path.is_file() and path.suffix.lower() in IMAGES:
            picture = pixels_of(path)
        found.append(Light(Path(name).stem, light_from(given, scratch, settings), picture))
    return found


def own_light(source: Input) -> Sequence[Light]:
    """In animation: the portrait's own light, and its picture."""
    light: Array = source.portrait.codes.light[0]
    return [Light(OWN, light, source.portrait.first(source.size)[0])]


def _named(media: Mapping[str, Path], stem: str, folder: Path) -> Path:
    if stem not in media:
        raise UsageError(f"{folder}: no clip named {stem!r}, which the protocol asks for; it holds {', '.join(media)}")
    return media[stem]
