"""The capacity benchmark measures a clip in every stage and drops it in none."""

from pathlib import Path

from benchmarks.capacity import measure
from benchmarks.clips import clip_of_file


def test_a_clip_is_measured_in_every_stage(clips_dir: Path, tmp_path: Path) -> None:
    clip = clip_of_file(clips_dir / "lp_d03_woman_turns_warm_light.mp4", 20)
    found = measure([clip], tmp_path)
    assert list(found) == ["filter", "reconstruct", "shard"]
    for name, stage in found.items():
        assert stage["left_out"] == {}, name
        assert stage["frames"] == 20
        assert stage["cpu_s_a_clip"] > 0
