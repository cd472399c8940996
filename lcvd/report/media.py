"""Pictures and videos as data URIs, so that a report is one file that needs no network."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from lcvd.video.decode import count_bytes, decode_bytes


def video_uri(path: Path) -> str:
    """An MP4 file, embedded as it is."""
    return _uri("video/mp4", path.read_bytes())


def poster_uri(path: Path, quality: int = 88) -> str:
    """A video's middle frame as a JPEG: what is seen until it plays, and on paper."""
    data = path.read_bytes()
    [frame] = decode_bytes(data, [count_bytes(data) // 2])
    return _jpeg(Image.fromarray(frame), quality)


def picture_uri(path: Path, width: int, quality: int = 82) -> str:
    """A picture no wider than `width` pixels: a small PNG stays a PNG, a larger one becomes a JPEG."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if picture.width <= width and path.suffix == ".png" and path.stat().st_size < 60_000:
        return _uri("image/png", path.read_bytes())
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return _jpeg(picture, quality)


def _jpeg(picture: Image.Image, quality: int) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=0)
    return _uri("image/jpeg", stream.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
