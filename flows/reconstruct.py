"""Stage `reconstruct`: face codes and portrait masks of every clip that the filter kept."""

from __future__ import annotations

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.quality.stage import kept_clips
from lcvd.shading.stage import reconstruct_chunk
from tasks.artifacts import show_pictures
from tasks.chunks import map_chunks
from tasks.stage import Stage, main


@flow(name="reconstruct")
def reconstruct(settings: Settings) -> None:
    """Reconstruct each clip (once: codes and masks stay in the scratch cache)."""
    stage = Stage("reconstruct")
    clips = kept_clips(stage.input("download"), stage.input("filter"))
    stage.need(clips)
    out = stage.fresh()
    stage.finish(
        map_chunks(reconstruct_chunk, clips, out, stage.cache, settings, runner=settings.runner, name=stage.name)
    )
    show_pictures("contact-sheets", sorted((out / "preview").glob("*.png"))[:4])


if __name__ == "__main__":
    main(reconstruct)
