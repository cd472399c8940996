"""Stage `download`: fetch the media files of the source manifests, and check that they decode."""

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
    """Fetch the file of every source, and check that it decodes."""
    stage = Stage("download")
    sources = read_manifests(SOURCES)
    out = stage.fresh()
    sources.sort(key=lambda source: (source.address, source.id))  # clips of one file share as few chunks as possible
    arguments = out, stage.cache, settings.download, {"studio": make_clip}, uuid.uuid4().hex
    rows = map_chunks(download_chunk, sources, *arguments, runner=settings.runner, name=stage.name)
    stage.finish(mark_duplicates(rows))


if __name__ == "__main__":
    main(download)
