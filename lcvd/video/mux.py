"""The last step of writing a video: its comment, which tells that it is generated, and the driving clip's sound."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import Flags as ContainerFlags

from lcvd.ledger.rows import ClipError


@dataclass(frozen=True)
class Sound:
    """The sound of `media` from `start` to `end` seconds of its picture."""

    media: Path
    start: float
    end: float


def check_sound(media: Path, name: str) -> None:
    """See that a file has sound.

    Raises:
        ClipError: it has none; `name` is told.
    """
    with av.open(str(media)) as file:
        if not file.streams.audio:
            raise ClipError("no_sound", f"{name}: this clip has no sound to keep; leave keep-audio out")


def finish(video: Path, target: Path, comment: str, sound: Sound | None = None) -> None:
    """Copy the packets of `video` into the MP4 `target` with a comment, and sound as AAC; equal inputs, equal bytes."""
    with (
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        av.open(str(video)) as source,
    ):
        out.flags |= cast(int, ContainerFlags.bitexact.value)
        out.metadata["comment"] = comment
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        pictures = _video(source, stream, copy)
        if sound is None:
            for _, packet in pictures:
                out.mux(packet)
            return
        with av.open(str(sound.media)) as heard:
            encoder = out.add_stream("aac", rate=heard.streams.audio[0].rate or 48000)
            encoder.codec_context.layout = heard.streams.audio[0].layout
            encoder.codec_context.flags |= cast(int, av.codec.context.Flags.bitexact.value)
            for _, packet in heapq.merge(pictures, _audio(heard, encoder, sound), key=lambda pair: pair[0]):
                out.mux(packet)


def _video(source: Any, stream: Any, copy: Any) -> Iterator[tuple[float, Any]]:
    for packet in source.demux(stream):
        if packet.dts is None:
            continue
        packet.stream = copy
        yield float(packet.dts * packet.time_base), packet


def _audio(heard: Any, encoder: Any, sound: Sound) -> Iterator[tuple[float, Any]]:
    """Encoded packets, by their time, of the part of the sound that is wanted."""
    stream = heard.streams.audio[0]
    picture = heard.streams.video[0] if heard.streams.video else None
    zero = float((picture.start_time or 0) * picture.time_base) if picture else 0.0
    rate, written, sent = encoder.rate, 0, 0.0
    resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
    for frame in heard.decode(stream):
        begins = float(frame.pts * frame.time_base) - zero
        if begins >= sound.end:
            break
        for even in resampler.resample(frame):
            samples: Any = even.to_ndarray()
            first = max(0, round((sound.start - begins) * rate))
            last = min(samples.shape[1], round((sound.end - begins) * rate))
            if first >= last:
                continue
            part = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, first:last]), "fltp", stream.layout.name)
            part.sample_rate, part.pts, part.time_base = rate, written, Fraction(1, rate)
            written += last - first
            for packet in encoder.encode(part):
                sent = _when(packet, sent)
                yield sent, packet
    for packet in encoder.encode(None):
        sent = _when(packet, sent)
        yield sent, packet


def _when(packet: Any, before: float) -> float:
    return before if packet.dts is None or packet.time_base is None else float(packet.dts * packet.time_base)
