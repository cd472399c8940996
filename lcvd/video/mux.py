"""Mux a video: add a comment to its metadata, and the sound of another clip."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import Flags as ContainerFlags

from lcvd.ledger.rows import ClipError


@dataclass(frozen=True)
class Sound:
    """The sound of `media` from `start` to `end` in seconds of its video stream."""

    media: Path
    start: float
    end: float


def check_sound(media: Path, name: str) -> None:
    """Check that a file has sound.

    Raises:
        ClipError: it has none; the message gives `name`.
    """
    with av.open(str(media)) as file:
        if not file.streams.audio:
            raise ClipError("no_sound", f"{name}: this clip has no sound; omit keep-audio")


def finish(video: Path, target: Path, comment: str, sound: Sound | None = None) -> None:
    """Copy the packets of `video` into the MP4 `target`, with a comment and AAC sound. Equal inputs give equal bytes."""
    with (
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        av.open(str(video)) as source,
    ):
        out.flags |= cast(int, ContainerFlags.bitexact.value)
        out.metadata["comment"] = comment
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = _video(source, stream, copy)
        if sound is None:
            for _, packet in packets:
                out.mux(packet)
            return
        with av.open(str(sound.media)) as other:
            encoder = out.add_stream("aac", rate=other.streams.audio[0].rate or 48000)
            encoder.codec_context.layout = other.streams.audio[0].layout
            encoder.codec_context.flags |= cast(int, av.codec.context.Flags.bitexact.value)
            for _, packet in heapq.merge(packets, _audio(other, encoder, sound), key=lambda pair: pair[0]):
                out.mux(packet)


def _video(source: Any, stream: Any, copy: Any) -> Iterator[tuple[float, Any]]:
    """Packets of the video stream with their times in seconds."""
    for packet in source.demux(stream):
        if packet.dts is not None:
            packet.stream = copy
            yield float(packet.dts * packet.time_base), packet


def _audio(source: Any, encoder: Any, sound: Sound) -> Iterator[tuple[float, Any]]:
    """Encoded packets of the sound with their times in seconds."""
    time = 0.0
    for frame in chain(_samples(source, encoder.rate, sound), [None]):
        for packet in encoder.encode(frame):
            if packet.dts is not None and packet.time_base is not None:
                time = float(packet.dts * packet.time_base)
            yield time, packet


def _samples(source: Any, rate: int, sound: Sound) -> Iterator[av.AudioFrame]:
    """The samples of `sound`, resampled to `rate`; times are relative to the first video frame."""
    stream = source.streams.audio[0]
    video = source.streams.video[0] if source.streams.video else None
    zero = float((video.start_time or 0) * video.time_base) if video else 0.0
    resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
    written = 0
    for frame in source.decode(stream):
        start = float(frame.pts * frame.time_base) - zero
        if start >= sound.end:
            break
        for resampled in resampler.resample(frame):
            samples: Any = resampled.to_ndarray()
            first = max(0, round((sound.start - start) * rate))
            last = min(samples.shape[1], round((sound.end - start) * rate))
            if first >= last:
                continue
            part = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, first:last]), "fltp", stream.layout.name)
            part.sample_rate, part.pts, part.time_base = rate, written, Fraction(1, rate)
            written += last - first
            yield part
