"""Stage ``filter``: which clips go on, and which of their frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lcvd.cache.store import Cache
from lcvd.config.settings import FilterSettings
from lcvd.ledger.rows import Row, guard, read_ledger
from lcvd.quality.analyse import analyse
from lcvd.quality.decide import decide
from lcvd.video.clip import Clip, clips_of


def filter_chunk(clips: Sequence[Clip], cache: Cache, settings: FilterSettings) -> list[Row]:
    """Measure each clip (cached) and decide."""
    return [guard(clip.id, partial(_filter, clip, cache, settings), cache.journal) for clip in clips]


def kept_clips(download: Path, filter: Path) -> list[tuple[Clip, tuple[int, int]]]:
    """Clips that the filter kept, each with the half-open range of its frames that go on (its longest shot).

    The clip itself isn't narrowed, so that its face track is found in the cache.
    """
    rows = {row.id: row for row in read_ledger(filter / "ledger.parquet") if row.status == "kept"}
    return [(clip, tuple(rows[clip.id].fields["shot"])) for clip in clips_of(download, set(rows))]


def narrowed(clip: Clip, shot: tuple[int, int]) -> Clip:
    """The clip cut to a range of its own frames."""
    return dataclasses.replace(clip, start=clip.start + shot[0], stop=clip.start + shot[1])


def _filter(clip: Clip, cache: Cache, settings: FilterSettings) -> Row:
    return decide(clip.id, analyse(clip, cache, settings), settings.thresholds)
