"""Stage `filter`: select clips, and the frame range of each."""

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.filter.across_clips import compare_clips
from lcvd.filter.stage import filter_chunk
from lcvd.video.clip import clips_of
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.stage import Stage, main


@flow(name="filter")
def filter_clips(settings: Settings) -> None:
    """Measure every clip (measurements are cached), apply the thresholds and compare the clips with each other."""
    stage = Stage("filter")
    clips = clips_of(stage.input("download"))
    stage.need(clips)
    stage.fresh()
    rows = map_chunks(filter_chunk, clips, stage.cache, settings.filter, runner=settings.runner, name=stage.name)
    stage.finish(compare_clips(rows, settings.filter))


if __name__ == "__main__":
    main(filter_clips)
