"""Images and videos as data URIs, so that the report is one file that works offline."""

import base64
import io
from pathlib import Path

from PIL import Image

from lcvd.video.decode import count_bytes, decode_bytes


def video_uri(path: Path) -> str:
    """An MP4 file, embedded unchanged."""
    return _uri("video/mp4", path.read_bytes())


def poster_uri(path: Path, quality: int = 88) -> str:
    """A video's middle frame as a JPEG, shown before playback and in print."""
    data = path.read_bytes()
    [frame] = decode_bytes(data, [count_bytes(data) // 2])
    return _jpeg(Image.fromarray(frame), quality)


def image_uri(path: Path, width: int, quality: int = 82) -> str:
    """An image no wider than `width` pixels: a small PNG stays a PNG, a larger image becomes a JPEG."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    if image.width <= width and path.suffix == ".png" and path.stat().st_size < 60_000:
        return _uri("image/png", path.read_bytes())
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return _jpeg(image, quality)


def _jpeg(image: Image.Image, quality: int) -> str:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=0)
    return _uri("image/jpeg", stream.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
