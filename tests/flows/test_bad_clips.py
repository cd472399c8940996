"""Every kind of bad clip through the real stages in one run, good clips beside them: one row each, and nothing stops."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

from flows.shard import pack_samples, prepare_chunk, shard_chunk
from lcvd.cache.store import Cache
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.download.manifest.files import COLUMNS, read_manifests
from lcvd.download.stage import download_chunk, mark_duplicates
from lcvd.filter.across_clips import compare_clips
from lcvd.filter.stage import filter_chunk, kept_clips
from lcvd.ledger.rows import Row, write_ledger
from lcvd.ledger.story import last_rows
from lcvd.reconstruct.archive import pack
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.shard.sample import read_samples
from lcvd.video.clip import clips_of
from tests.bad_clips import COUNT, make_clips
from tests.flows.conftest import TINY, merged

ENDS = {
    "good": ("shard", "kept", ""),
    "other": ("shard", "kept", ""),
    "truncated": ("download", "failed", "truncated"),
    "empty": ("download", "failed", "empty_file"),
    "sound": ("download", "failed", "no_video_stream"),
    "text": ("download", "failed", "not_a_video"),
    "gone": ("download", "failed", "missing_file"),
    "shell": ("download", "failed", "missing_file"),
    "twin": ("download", "filtered", "duplicate"),
    "faceless": ("filter", "filtered", "no_face"),
    "two_faces": ("filter", "filtered", "several_faces"),
    "short": ("filter", "filtered", "too_short"),
    "cut": ("filter", "filtered", "cut"),
    "lost": ("filter", "filtered", "face_lost"),
    "returns": ("shard", "kept", ""),
    "hidden": ("shard", "kept", ""),
    "cut_long": ("shard", "kept", ""),
    "sideways": ("shard", "kept", ""),
    "uneven": ("shard", "kept", ""),
    "ten_bit": ("shard", "kept", ""),
    "grey": ("shard", "kept", ""),
    "upscaled": ("shard", "kept", ""),
}
"""Where each clip's story ends."""
FRAMES = {
    "good": COUNT,
    "returns": 20,
    "hidden": 44,
    "cut_long": COUNT,
    "sideways": COUNT,
    "uneven": COUNT,
    "upscaled": 16,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Row]]]:
    """The data folder and each stage's rows."""
    root = tmp_path_factory.mktemp("bad")
    sources, data = root / "sources", root / "data"
    sources.mkdir()
    make_clips(sources)
    rows = [f"{id},`touch pwned`;p-{id},file:{id}.mp4,,,,test,test" for id in ENDS if id != "shell"]
    rows += ["shell,$(touch pwned),file:$(touch pwned).mp4,,,,`touch pwned`,test"]
    (sources / "all.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    settings = Settings.model_validate(
        merged(profile("demo").model_dump(), merged(TINY, {"filter": {"track": {"max_frames": 60}}}))
    )
    cache = Cache(root / ".lcvd" / "cache")
    found = {
        "download": mark_duplicates(
            download_chunk(read_manifests(sources), data / "download", cache, settings.download)
        )
    }
    write_ledger(data / "download" / "ledger.parquet", found["download"])
    found["filter"] = compare_clips(filter_chunk(clips_of(data / "download"), cache, settings.filter), settings.filter)
    write_ledger(data / "filter" / "ledger.parquet", found["filter"])
    clips = kept_clips(data / "download", data / "filter")
    found["reconstruct"] = reconstruct_chunk(clips, root / "placed", cache, settings)
    write_ledger(data / "reconstruct" / "ledger.parquet", found["reconstruct"])
    good = {row.id for row in found["reconstruct"] if row.status == "kept"}
    pack(root / "placed", data / "reconstruct", good)
    made = shard_chunk([clip for clip in clips if clip.id in good], data / "reconstruct", cache, settings.shard)
    found["shard"] = pack_samples(prepare_chunk(made, cache, settings), cache, data / "shard", settings.shard)
    write_ledger(data / "shard" / "ledger.parquet", found["shard"])
    return data, found


@pytest.mark.slow
def test_each_clip_ends_as_one_row_that_names_it(run):
    data, stages = run
    ends = {id: (stage, row.status, row.reason) for id, (stage, row) in last_rows(data).items()}
    assert ends == ENDS
    for rows in stages.values():
        assert max(Counter(row.id for row in rows).values()) == 1
    for id, (stage, row) in last_rows(data).items():
        assert row.detail or row.status == "kept", (stage, id)
        if stage == "download" and row.status == "failed":
            assert row.detail.startswith(f"file:{'$(touch pwned)' if id == 'shell' else id}.mp4: ")


@pytest.mark.slow
def test_a_clip_goes_on_only_from_where_it_was_kept(run):
    _, stages = run
    for before, after in itertools.pairwise(stages.values()):
        assert {row.id for row in before if row.status == "kept"} == {row.id for row in after}


@pytest.mark.slow
def test_no_cell_of_a_manifest_was_executed(run):
    data, _ = run
    assert not list(data.parent.rglob("pwned"))
    assert not Path("pwned").exists()


@pytest.mark.slow
def test_what_goes_on_is_the_good_part_of_each_clip(run):
    data, stages = run
    frames = {row.id: row.fields["frames"] for row in stages["shard"] if row.status == "kept"}
    assert {id: frames[id] for id in FRAMES} == FRAMES
    bridged = {row.id: row.fields["bridged"] for row in stages["reconstruct"]}
    assert bridged["hidden"] in range(1, 5)
    assert bridged["good"] == 0
    samples = {each.id: each for split in ("train", "test") for each in read_samples(data / "shard", split)}
    assert set(samples) == set(frames)
    upright = samples["good"].frames([5])[0].astype(float)
    for id in ("sideways", "ten_bit", "uneven"):  # other encodings of the same frames
        assert abs(samples[id].frames([5])[0] - upright).mean() < 12, id
    grey = samples["grey"].frames([5])[0].astype(int)
    assert abs(grey[..., 0] - grey[..., 2]).max() <= 3
