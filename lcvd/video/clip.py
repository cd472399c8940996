"""A clip: a range of frames of a media file, cropped; what the first stage hands to all others."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from lcvd.ledger.rows import Row, read_ledger

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Clip:
    """Frames ``start <= i < stop`` of `media`, cut to `crop` (x0, y0, x1, y1 in source pixels) where there is one.

    `width` and `height` are those of the clip frame, after the crop; `sha256` is that of the media file's bytes.
    """

    id: str
    identity: str
    media: Path
    sha256: str
    start: int
    stop: int
    fps: float
    width: int
    height: int
    crop: Box | None
    licence: str
    address: str
    dataset: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.stop - self.start

    def part(self, start: int, stop: int) -> Clip:
        """Frames ``start <= i < stop`` of this clip, as a clip."""
        return dataclasses.replace(self, start=self.start + start, stop=min(self.start + stop, self.stop))

    def content(self) -> dict[str, object]:
        """What decides the pixels: a part of every cache key about this clip."""
        return {"sha256": self.sha256, "start": self.start, "stop": self.stop, "crop": self.crop}


def clip_of(row: Row, media: Path) -> Clip:
    """The clip that a kept row of the download ledger describes; `media` is the folder of media files."""
    fields = dict(row.fields)
    crop = fields.pop("crop")
    name = fields.pop("media")
    wanted = {key: fields[key] for key in Clip.__dataclass_fields__ if key in fields}
    return Clip(id=row.id, media=media / Path(name).name, crop=tuple(crop) if crop else None, **wanted)


def clips_of(download: Path, only: set[str] | None = None) -> list[Clip]:
    """Clips that the download stage kept, in order of id; `only` restricts them to some ids."""
    rows = [row for row in read_ledger(download / "ledger.parquet") if row.status == "kept"]
    return [clip_of(row, download / "media") for row in rows if only is None or row.id in only]
