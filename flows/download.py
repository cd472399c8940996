"""Stage `download`: from source manifests to media files that decode, and their ledger."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.sources.manifest import ManifestError, read_manifests
from lcvd.sources.stage import download_chunk, mark_duplicates
from lcvd.studio.media import make_clip
from tasks.chunks import map_chunks
from tasks.entry import StageError
from tasks.stage import Stage, main

SOURCES = Path("data/sources")


@flow(name="download")
def download(settings: Settings) -> None:
    """Bring the bytes of every source, and see that they decode."""
    stage = Stage("download")
    try:
        sources = read_manifests(SOURCES)
    except ManifestError as error:
        raise StageError(str(error)) from None
    out = stage.fresh()
    rows = map_chunks(
        download_chunk,
        sources,
        out,
        stage.cache,
        settings.download,
        {"studio": make_clip},
        runner=settings.runner,
        name=stage.name,
    )
    stage.finish(mark_duplicates(rows))


if __name__ == "__main__":
    main(download)
