"""Inputs from files: the clips of a folder, reconstructed once, decoded a few frames at a time."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.evaluate.inputs.base import Input, TargetLight, repeated
from lcvd.evaluate.protocol import Protocol
from lcvd.evaluate.result_folders import VIDEOS
from lcvd.face.align import align
from lcvd.face.masks.registry import MASKERS
from lcvd.face.square import square_pictures
from lcvd.relighting.light_sources import light_from
from lcvd.relighting.media import IMAGES, SETTLING, media_of, pixels_of
from lcvd.relighting.portrait import reconstruct
from lcvd.render.hints import WINDOW
from lcvd.video.decode import frames as decode

OWN = "own"


def inputs_of(protocol: Protocol, folder: Path) -> dict[str, tuple[Path, Path]]:
    """(portrait, drive) of each of the protocol's inputs, by id.

    Raises:
        ValueError: a clip of the protocol is missing in `folder`, or `folder` has no clip.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder of clips")
    endings = (*VIDEOS, *IMAGES)
    media = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in endings}
    if protocol.task == "animate":
        stems = list(media)
        pairs = protocol.pairs or tuple(zip([*stems[1:], *stems[:1]], stems, strict=True))
        return {f"{a}__{b}": (_named(media, a, folder), _named(media, b, folder)) for a, b in pairs}
    found = {stem: _named(media, stem, folder) for stem in protocol.clips or media}
    if not found:
        raise ValueError(f"{folder}: no clip; looked for {', '.join(endings)}")
    return {stem: (path, path) for stem, path in found.items()}


def file_input(id: str, paths: tuple[Path, Path], protocol: Protocol, scratch: Path, settings: Settings) -> Input:
    """Reconstruct (portrait, driving clip); `scratch` keeps the result (`lcvd.relighting.portrait.reconstruct`).

    Raises:
        ClipError: a file isn't a video or image, or shows no face; the message names it.
        UsageError: a clip is shorter than the protocol.
    """
    still, size, count = protocol.task == "still", protocol.size, protocol.frames
    media = media_of(paths[1], scratch).beginning(max(1 if still else count, SETTLING))
    drive = reconstruct(media, scratch, settings)
    portrait = drive
    if paths[0] != paths[1]:
        portrait = reconstruct(media_of(paths[0], scratch).beginning(SETTLING), scratch, settings)
    if not still and drive.codes.frames < count:
        raise UsageError(
            f"{paths[1]}: {drive.codes.frames} frames, the protocol needs {count}; remove the clip from the "
            "protocol's clips, or lower its frames (--frames)"
        )
    codes = drive.codes.window([0] * count if still else slice(0, count))
    own = portrait.codes.window([0])
    if protocol.task == "animate":
        codes = align(own, codes, "relative")
    square = drive.codes.square

    def frames() -> Iterator[Array]:
        if still:
            return repeated(drive.first(size)[0], count, WINDOW)
        return (square_pictures(window, square, size) for window in decode(drive.clip, WINDOW, count))

    kind = settings.reconstruct.mask
    masker = {"name": kind, "weights": MASKERS.get(kind).weights(), **MASKERS.package(kind)}
    faces = {"portrait": portrait.clip.content(), "drive": drive.clip.content(), "square": square.tolist()}
    content = {**faces, "size": size, "frames": count, "repeat": still, "masker": masker}
    return Input(
        id, str(drive.clip.media), float(drive.clip.fps), codes, *portrait.first(size), own,
        frames, partial(_masked, frames, kind), content,
    )  # fmt: skip


def _masked(frames: Callable[[], Iterator[Array]], kind: str) -> Iterator[tuple[Array, Array]]:
    masker = MASKERS.get(kind).start()
    try:
        for window in frames():
            yield window, masker.update(window)
    finally:
        masker.close()


def lights_of(protocol: Protocol, folder: Path, scratch: Path, settings: Settings) -> list[TargetLight]:
    """The protocol's lights; files are relative to `folder`.

    Raises:
        ValueError, ClipError: see `light_from`.
    """
    found = []
    for name in protocol.lights:
        path = folder / name
        given = str(path) if path.is_file() else name
        image = pixels_of(path) if path.is_file() and path.suffix.lower() in IMAGES else None
        found.append(TargetLight(path.stem, light_from(given, scratch, settings), image))
    return found


def own_light(source: Input) -> TargetLight:
    """The target light of an animation: the portrait's own light."""
    return TargetLight(OWN, source.own.light[0], source.reference)


def _named(media: Mapping[str, Path], stem: str, folder: Path) -> Path:
    if stem not in media:
        raise ValueError(f"{folder}: no clip named {stem!r}, which the protocol requires; it has {', '.join(media)}")
    return media[stem]
