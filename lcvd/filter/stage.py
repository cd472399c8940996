"""Stage ``filter``: which clips go on, and which of their frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lcvd.cache.store import Cache
from lcvd.config.filter import FilterSettings
from lcvd.filter.decide import decide
from lcvd.filter.image_quality import protocol
from lcvd.filter.measure import analyse
from lcvd.ledger.rows import Row, guard, read_ledger
from lcvd.video.clip import Clip, clips_of


def filter_chunk(clips: Sequence[Clip], cache: Cache, settings: FilterSettings) -> list[Row]:
    """Measure each clip (cached) and decide; one row a clip, to be given to `lcvd.filter.across_clips.settle` with all others.

    Raises:
        MissingWeights, ModelError: the quality metric's network isn't there, or isn't what it should be.
    """
    protocol(settings.quality)  # before any clip: a missing file is no clip's fault
    return [guard(clip.id, partial(_filter, clip, cache, settings), cache.journal) for clip in clips]


def kept_clips(download: Path, filter: Path) -> list[Clip]:
    """Clips that the filter kept, in order of id, each cut to the frames that go on: the longest part of its longest shot
    with a face, as `decide` says, and of the identity that `settle` found."""
    rows = {row.id: row.fields for row in read_ledger(filter / "ledger.parquet") if row.status == "kept"}
    return [
        dataclasses.replace(clip.part(*rows[clip.id]["part"]), identity=rows[clip.id]["identity"])
        for clip in clips_of(download, set(rows))
    ]


def _filter(clip: Clip, cache: Cache, settings: FilterSettings) -> Row:
    row = decide(clip.id, analyse(clip, cache, settings), settings.thresholds)
    return dataclasses.replace(row, fields={**row.fields, "identity": clip.identity})
