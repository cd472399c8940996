"""Stage `download`: from source manifests to media files that decode, and their ledger."""

from __future__ import annotations

import uuid
from pathlib import Path

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.download.manifest.files import read_manifests
from lcvd.download.stage import download_chunk, mark_duplicates
from lcvd.studio.media import make_clip
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.stage import Stage, main

SOURCES = Path("data/sources")


@flow(name="download")
def download(settings: Settings) -> None:
    """Bring the bytes of every source, and see that they decode."""
    stage = Stage("download")
    sources = read_manifests(SOURCES)
    out = stage.fresh()
    rows = map_chunks(
        download_chunk,
        sorted(
            sources, key=lambda source: (source.address, source.id)
        ),  # a file's clips lie in as few chunks as can be
        out,
        stage.cache,
        settings.download,
        {"studio": make_clip},
        uuid.uuid4().hex,
        runner=settings.runner,
        name=stage.name,
    )
    stage.finish(mark_duplicates(rows))


if __name__ == "__main__":
    main(download)
