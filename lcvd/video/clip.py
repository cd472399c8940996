"""A clip: a cropped range of frames of a media file, the unit of work of all stages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from lcvd.ledger.rows import Row, read_ledger

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Clip:
    """Frames ``start <= i < stop`` of `media`, cropped to `crop` (x0, y0, x1, y1 in source pixels) if given.

    `width` and `height` are the frame size after cropping; `sha256` is the hash of the media file.
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
        """The clip of frames ``start <= i < stop`` of this clip."""
        return dataclasses.replace(self, start=self.start + start, stop=min(self.start + stop, self.stop))

    def content(self) -> dict[str, object]:
        """The fields that determine the pixels, for cache keys."""
        return {"sha256": self.sha256, "start": self.start, "stop": self.stop, "crop": self.crop}


def clip_of(row: Row, media: Path) -> Clip:
    """The clip of a kept row of the download ledger; `media` is the folder of media files."""
    fields = {key: row.fields[key] for key in Clip.__dataclass_fields__ if key in row.fields}
    crop = tuple(fields["crop"]) if fields["crop"] else None
    return Clip(**fields | {"id": row.id, "media": media / Path(fields["media"]).name, "crop": crop})


def clips_of(download: Path, only: set[str] | None = None) -> list[Clip]:
    """Clips that stage `download` kept, in order of id; `only`: restrict them to these ids."""
    rows = [row for row in read_ledger(download / "ledger.parquet") if row.status == "kept"]
    return [clip_of(row, download / "media") for row in rows if only is None or row.id in only]
