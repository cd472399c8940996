"""Clips as they come from the world: good ones in odd shapes, and bad ones of every kind."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264

Frames = NDArray[np.uint8]
COUNT, SIZE, FPS = 24, 128, 25


def person(identity: str, seed: int = 1, frames: int = COUNT, size: int = SIZE) -> Frames:
    """Somebody talking, (T, H, W, 3) uint8 RGB."""
    clip = StudioClip.parse(f"studio:{identity}?seed={seed}&frames={frames}&size={size}")
    return np.concatenate([window for window, _ in clip.render()])


def nobody(frames: int = COUNT) -> Frames:
    """A soft gradient without a face."""
    y, x = np.mgrid[:SIZE, :SIZE]
    picture = np.stack([80 + x // 2, 90 + y // 3, 120 - x // 3], -1).astype(np.uint8)
    return np.repeat(picture[None], frames, 0)


def covered(frames: Frames, start: int, stop: int) -> Frames:
    """With something grey before the face from frame `start` to `stop`; hair, clothes and room stay, so it is no cut."""
    found = frames.copy()
    found[start:stop, SIZE // 5 : -SIZE // 8, SIZE // 4 : -SIZE // 4] = 128
    return found


def encoded(
    path: Path, frames: Frames, codec: str = "libx264", layout: str = "yuv420p", times: list[int] | None = None
) -> None:
    """Write frames with any codec and pixel layout; `times` are their places in ticks of 1/100 s."""
    with av.open(str(path), "w", format="mp4") as file:
        stream: Any = file.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], layout
        stream.options = {"preset": "ultrafast", "crf": "10"}
        if times:
            stream.codec_context.time_base = Fraction(1, 100)
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times:
                picture.pts, picture.time_base = times[i], Fraction(1, 100)
            file.mux(stream.encode(picture))
        file.mux(stream.encode())


def sound(path: Path) -> None:
    """A file with sound alone."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("aac", rate=16000)
        wave = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        wave.rate, wave.pts, wave.time_base = 16000, 0, Fraction(1, 16000)
        file.mux(stream.encode(wave))
        file.mux(stream.encode())


def held_sideways(path: Path, frames: Frames) -> None:
    """As a telephone writes an upright picture: lying, with a tag that says how to turn it."""
    write_h264(path, [np.ascontiguousarray(np.rot90(frames, axes=(1, 2)))], FPS)
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # a version 0 track header's display matrix
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE << 16, 0, 1 << 30)
    path.write_bytes(data)


def make_clips(folder: Path) -> None:
    """Write one file ``<id>.mp4`` of each kind."""
    one, two, long = person("head-0"), person("head-2", 2), person("head-0", 3, 44)
    plain: dict[str, Frames] = {
        "good": one,
        "other": two,
        "faceless": nobody(),
        "short": one[:12],
        "two_faces": np.concatenate([one, two], 2),
        "returns": covered(long, 20, 36),
        "lost": covered(long, 14, 30),
        "hidden": covered(long, 10, 13),
        "cut": np.concatenate([one[:10], two[:12]]),
        "cut_long": np.concatenate([one[:10], two]),
        "upscaled": np.stack(
            [cv2.resize(each, (3840, 2160)) for each in np.pad(one[:16], ((0, 0), (0, 0), (50, 50), (0, 0)))]
        ),
    }
    for id, frames in plain.items():
        write_h264(folder / f"{id}.mp4", [frames], FPS, preset="ultrafast")
    copies: dict[str, Callable[[bytes], bytes]] = {
        "twin": lambda data: data,
        "truncated": lambda data: data[: len(data) * 6 // 10],
        "empty": lambda data: b"",
        "text": lambda data: b"just some words\n",
    }
    for id, change in copies.items():
        (folder / f"{id}.mp4").write_bytes(change((folder / "good.mp4").read_bytes()))
    sound(folder / "sound.mp4")
    held_sideways(folder / "sideways.mp4", one)
    encoded(folder / "uneven.mp4", one, times=[4 * i + (i % 3) + 30 * (i > 12) for i in range(COUNT)])
    encoded(folder / "ten_bit.mp4", one, layout="yuv420p10le")
    encoded(folder / "grey.mp4", one, layout="gray")
