"""Stage `reconstruct`: face codes and portrait masks of every clip that the filter kept."""

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.filter.stage import kept_clips
from lcvd.reconstruct.archive import pack
from lcvd.reconstruct.stage import reconstruct_chunk
from tasks.runtime.artifacts import show_images
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.stage import Stage, main


@flow(name="reconstruct")
def reconstruct(settings: Settings) -> None:
    """Reconstruct each clip (results stay in the scratch cache), and pack the files that DVC tracks."""
    stage = Stage("reconstruct")
    clips = kept_clips(stage.input("download"), stage.input("filter"))
    stage.need(clips)
    out = stage.fresh()
    with stage.temporary() as placed:
        rows = map_chunks(
            reconstruct_chunk, clips, placed, stage.cache, settings, runner=settings.runner, name=stage.name
        )
        pack(placed, out, [row.id for row in rows if row.status == "kept"])
    stage.finish(rows)
    show_images("contact-sheets", (out / "preview").glob("*.png"))


if __name__ == "__main__":
    main(reconstruct)
