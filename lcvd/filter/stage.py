"""Stage ``filter``: select the clips to keep, and the frame range of each."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lcvd.cache.store import Cache
from lcvd.config.filter import FilterSettings
from lcvd.filter.decide import decide
from lcvd.filter.image_quality import quality_provenance
from lcvd.filter.measure import measure
from lcvd.ledger.rows import Row, guard, read_ledger
from lcvd.video.clip import Clip, clips_of


def filter_chunk(clips: Sequence[Clip], cache: Cache, settings: FilterSettings) -> list[Row]:
    """Measure each clip (cached) and apply the thresholds. Return one row per clip.

    The rows of all chunks together are the input of `lcvd.filter.across_clips.compare_clips`.

    Raises:
        MissingWeights, ModelError: the weights of the quality metric are missing or invalid.
    """
    quality_provenance(settings.quality)  # checks the weights first: missing weights aren't an error of a clip
    return [guard(clip.id, partial(_filter, clip, cache, settings), cache.journal) for clip in clips]


def kept_clips(download: Path, filter: Path) -> list[Clip]:
    """Return the clips that the filter kept, in order of id, each with its identity from `compare_clips` and cut to its kept
    frames: the longest part with a face of its longest shot (see `decide`)."""
    rows = {row.id: row.fields for row in read_ledger(filter / "ledger.parquet") if row.status == "kept"}
    return [
        dataclasses.replace(clip.part(*rows[clip.id]["part"]), identity=rows[clip.id]["identity"])
        for clip in clips_of(download, set(rows))
    ]


def _filter(clip: Clip, cache: Cache, settings: FilterSettings) -> Row:
    row = decide(clip.id, measure(clip, cache, settings), settings.thresholds)
    return dataclasses.replace(row, fields={**row.fields, "identity": clip.identity})
