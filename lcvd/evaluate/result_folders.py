"""Folders of a method's results: find, check and read their videos, a window of frames at a time.

Layout: ``FOLDER/<clip>/<light>`` with one of the extensions in `VIDEOS`, or a folder of that name with one PNG per frame,
sorted by name. ``<clip>`` is the input's file name without extension (in animation ``<portrait>__<driving clip>``),
``<light>`` the name of the preset or of the light's file without extension (in animation ``own``). All videos have the
number of frames and the size of the protocol.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from lcvd.array import Array
from lcvd.cache.store import file_hash, key_of
from lcvd.errors import FileError
from lcvd.render.hints import WINDOW

VIDEOS = (".mkv", ".mp4", ".mov", ".avi", ".webm")


@dataclass(frozen=True)
class ExpectedVideo:
    """A video that the protocol requires from every method."""

    clip: str
    light: str
    frames: int
    size: int


def find_result(folder: Path, clip: str, light: str) -> Path | None:
    """The result's video or folder of PNGs, or None.

    Raises:
        FileError: there are several.
    """
    base = folder / clip / light
    found = [base.with_name(light + ending) for ending in VIDEOS]
    found = [path for path in found if path.is_file()] + ([base] if base.is_dir() else [])
    if len(found) > 1:
        raise FileError(f"{base}: several results, {', '.join(path.name for path in found)}; keep one of them")
    return found[0] if found else None


def read_result(path: Path) -> Iterator[Array]:
    """Frames of a result in windows (n, H, W, 3) uint8 RGB of at most `WINDOW` frames.

    Raises:
        FileError: it can't be decoded, or its frames differ in size.
    """
    held: list[Array] = []
    for frame in _pictures(path) if path.is_dir() else _video(path):
        if held and frame.shape != held[0].shape:
            raise FileError(f"{path}: frames of {_size(held[0])} and of {_size(frame)}")
        held.append(frame)
        if len(held) == WINDOW:
            yield np.stack(held)
            held = []
    if held:
        yield np.stack(held)


def frame_of(windows: Iterable[Array], at: int) -> Array:
    """Frame number `at` of a video given in windows."""
    for window in windows:
        if at < len(window):
            frame: Array = window[at]
            return frame
        at -= len(window)
    raise FileError(f"the video ends {at + 1} frames too early")


def check_folder(folder: Path, wanted: Sequence[ExpectedVideo]) -> list[str]:
    """Problems of a method's folder; [] if there are none. Of each video one frame is decoded."""
    if not folder.is_dir():
        return [f"{folder}: no such folder"]
    problems = []
    for each in wanted:
        try:
            path = find_result(folder, each.clip, each.light)
            if path is None:
                endings = ", ".join(VIDEOS)
                problems.append(f"{folder / each.clip / each.light}: missing ({endings}, or a folder of PNGs)")
                continue
            count, size = _count(path), _size(next(_pictures(path) if path.is_dir() else _video(path)))
        except (FileError, StopIteration) as error:
            problems.append(str(error) or f"{path}: has no frame")
            continue
        if count != each.frames:
            kind = "too short" if count < each.frames else "too long"
            problems.append(f"{path}: {kind}: {count} frames, expected {each.frames}")
        if size != f"{each.size}x{each.size} px":
            problems.append(f"{path}: {size}, expected {each.size}x{each.size} px")
    return problems


def result_hash(path: Path) -> str:
    """Hash of a result's content: a file's bytes, or all images of a folder."""
    if path.is_file():
        return file_hash(path)
    return key_of(**{each.name: file_hash(each) for each in sorted(path.glob("*.png"))})


def _count(path: Path) -> int:
    if path.is_dir():
        return len(list(path.glob("*.png")))
    with _opened(path) as file:
        return sum(packet.size > 0 for packet in file.demux(file.streams.video[0]))


def _pictures(folder: Path) -> Iterator[Array]:
    for path in sorted(folder.glob("*.png")):
        try:
            with Image.open(path) as image:
                yield np.asarray(image.convert("RGB"))
        except OSError as error:
            raise FileError(f"{path}: doesn't decode: {error}") from None


def _video(path: Path) -> Iterator[Array]:
    with _opened(path) as file:
        try:
            for frame in file.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
        except av.error.FFmpegError as error:
            raise FileError(f"{path}: doesn't decode: {error}") from None


def _opened(path: Path) -> av.container.InputContainer:
    try:
        file = av.open(str(path), "r")
    except (av.error.FFmpegError, ValueError) as error:
        raise FileError(f"{path}: no video: {error}") from None
    if not file.streams.video:
        raise FileError(f"{path}: has no video stream")
    return file


def _size(frame: Array) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]} px"
