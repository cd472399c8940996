"""Stage `shard`: training samples with shading hints, packed into WebDataset shards by split."""

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.filter.stage import kept_clips
from lcvd.ledger.rows import read_ledger
from lcvd.model.precompute_latents import prepare_chunk
from lcvd.shard.stage import pack_samples, shard_chunk
from tasks.runtime.map_chunks import map_chunks
from tasks.runtime.stage import Stage, main
from tasks.runtime.throughput import reported


@flow(name="shard")
def shard(settings: Settings) -> None:
    """Compute each clip's sample and latents (results stay in the scratch cache), then pack them."""
    stage = Stage("shard")
    reconstruct = stage.input("reconstruct")
    done = {row.id for row in read_ledger(reconstruct / "ledger.parquet") if row.status == "kept"}
    clips = [clip for clip in kept_clips(stage.input("download"), stage.input("filter")) if clip.id in done]
    stage.need(clips)
    out = stage.fresh()
    rows = map_chunks(
        shard_chunk, clips, reconstruct, stage.cache, settings.shard, runner=settings.runner, name=stage.name
    )
    if settings.shard.prepare:
        rows = map_chunks(prepare_chunk, rows, stage.cache, settings, runner=settings.runner, name="latents")
    stage.need([row for row in rows if row.status == "kept"], rows)
    with reported("pack") as tally:
        tally.clips = len(rows)
        rows = pack_samples(rows, stage.cache, out, settings.shard)
    stage.finish(rows)


if __name__ == "__main__":
    main(shard)
