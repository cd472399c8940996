"""Realistic test clips: good ones in unusual formats, and every kind of bad one."""

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
    """A talking person, (T, H, W, 3) uint8 RGB."""
    clip = StudioClip.parse(f"studio:{identity}?seed={seed}&frames={frames}&size={size}")
    return np.concatenate([window for window, _ in clip.render()])


def scene_without_face(frames: int = COUNT) -> Frames:
    """A smooth gradient without a face."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.stack([80 + x // 2, 90 + y // 3, 120 - x // 3], -1).astype(np.uint8)
    return np.repeat(image[None], frames, 0)


def occlude(frames: Frames, start: int, stop: int) -> Frames:
    """Frames with a grey rectangle over the face from `start` to `stop`. Hair, clothes and background stay visible, so
    it is not a cut."""
    found = frames.copy()
    found[start:stop, SIZE // 5 : -SIZE // 8, SIZE // 4 : -SIZE // 4] = 128
    return found


def write_encoded(
    path: Path, frames: Frames, codec: str = "libx264", layout: str = "yuv420p", times: list[int] | None = None
) -> None:
    """Write frames with any codec and pixel format; `times` are their timestamps in units of 1/100 s."""
    with av.open(str(path), "w", format="mp4") as file:
        stream: Any = file.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], layout
        stream.options = {"preset": "ultrafast", "crf": "10"}
        if times:
            stream.codec_context.time_base = Fraction(1, 100)
        for i, frame in enumerate(frames):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times:
                image.pts, image.time_base = times[i], Fraction(1, 100)
            file.mux(stream.encode(image))
        file.mux(stream.encode())


def write_audio_only(path: Path) -> None:
    """Write a file with only an audio stream."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("aac", rate=16000)
        wave = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        wave.rate, wave.pts, wave.time_base = 16000, 0, Fraction(1, 16000)
        file.mux(stream.encode(wave))
        file.mux(stream.encode())


def write_rotated(path: Path, frames: Frames) -> None:
    """Write a portrait video as a phone does: stored rotated, with a rotation tag."""
    write_h264(path, [np.ascontiguousarray(np.rot90(frames, axes=(1, 2)))], FPS)
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # display matrix of a version 0 track header
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE << 16, 0, 1 << 30)
    path.write_bytes(data)


def make_clips(folder: Path) -> None:
    """Write one file ``<id>.mp4`` of each kind."""
    first, second, long = person("head-0"), person("head-2", 2), person("head-0", 3, 44)
    videos: dict[str, Frames] = {
        "good": first,
        "other": second,
        "faceless": scene_without_face(),
        "short": first[:12],
        "two_faces": np.concatenate([first, second], 2),
        "returns": occlude(long, 20, 36),
        "lost": occlude(long, 14, 30),
        "hidden": occlude(long, 10, 13),
        "cut": np.concatenate([first[:10], second[:12]]),
        "cut_long": np.concatenate([first[:10], second]),
        "upscaled": np.stack(
            [cv2.resize(each, (3840, 2160)) for each in np.pad(first[:16], ((0, 0), (0, 0), (50, 50), (0, 0)))]
        ),
    }
    for id, frames in videos.items():
        write_h264(folder / f"{id}.mp4", [frames], FPS)
    copies: dict[str, Callable[[bytes], bytes]] = {
        "twin": lambda data: data,
        "truncated": lambda data: data[: len(data) * 6 // 10],
        "empty": lambda data: b"",
        "text": lambda data: b"just some words\n",
    }
    for id, change in copies.items():
        (folder / f"{id}.mp4").write_bytes(change((folder / "good.mp4").read_bytes()))
    write_audio_only(folder / "sound.mp4")
    write_rotated(folder / "sideways.mp4", first)
    write_encoded(folder / "uneven.mp4", first, times=[4 * i + (i % 3) + 30 * (i > 12) for i in range(COUNT)])
    write_encoded(folder / "ten_bit.mp4", first, layout="yuv420p10le")
    write_encoded(folder / "grey.mp4", first, layout="gray")
