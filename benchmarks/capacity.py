"""Cost of a clip in the stages filter, reconstruct and shard of the paper profile, on one thread of this machine.

Processes the first `--frames` frames of each clip in a folder (LCVD_TEST_CLIPS or ../shared/clips) with open components
only: PIQE replaces Faster-VQA, and latents are not precomputed because their networks are not available. `s` is wall
time and `cpu_s` CPU time; they differ if other processes were busy. ``ms_a_frame`` is wall time by part. The last line
is one JSON object.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.clips import clip_files, clip_of_file
from benchmarks.clock import command_line
from lcvd.cache.store import Cache
from lcvd.config.profiles import PAPER
from lcvd.config.settings import Settings
from lcvd.filter.stage import filter_chunk
from lcvd.ledger.rows import Row
from lcvd.ledger.tally import tallied
from lcvd.reconstruct.archive import pack
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.shard.stage import shard_chunk
from lcvd.video.clip import Clip
from tasks.runtime.throughput import machine


def settings_of() -> Settings:
    """The paper profile with PIQE and a threshold that every clip passes."""
    return Settings.model_validate(
        PAPER | {"filter": {"quality": {"metric": "piqe"}, "thresholds": {"max_piqe": 100.0}}}
    )


def stages(folder: Path, settings: Settings) -> dict[str, Callable[[list[Clip]], list[Row]]]:
    """The stages by name, with their own cache."""
    cache, out = Cache(folder / "cache"), folder / "reconstruct"

    def reconstruct(clips: list[Clip]) -> list[Row]:
        rows = reconstruct_chunk(clips, folder / "placed", cache, settings)
        pack(folder / "placed", out, [row.id for row in rows if row.status == "kept"])
        return rows

    return {
        "filter": lambda clips: filter_chunk(clips, cache, settings.filter),
        "reconstruct": reconstruct,
        "shard": lambda clips: shard_chunk(clips, out, cache, settings.shard),
    }


def measure(clips: list[Clip], folder: Path) -> dict[str, Any]:
    """For each stage: clips dropped, seconds per clip, milliseconds per frame by part."""
    found: dict[str, Any] = {}
    for name, stage in stages(folder, settings_of()).items():
        used, began = time.process_time(), time.perf_counter()
        with tallied() as tally:
            rows = stage(clips)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        frames = sum(clip.frames for clip in clips)
        parts = sorted(tally.seconds.items(), key=lambda item: -item[1])
        found[name] = {
            "clips": len(clips),
            "frames": frames,
            "s_a_clip": round(seconds / len(clips), 2),
            "cpu_s_a_clip": round(cpu / len(clips), 2),
            "cpu_ms_a_frame": round(1000 * cpu / frames, 1),
            "ms_a_frame": {part: round(1000 * value / frames, 1) for part, value in parts},
            "left_out": {row.id: row.reason for row in rows if row.status != "kept"},
        }
        kept = {row.id for row in rows if row.status == "kept"}
        clips = [clip for clip in clips if clip.id in kept]
    return found


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--count", type=int, default=0, help="number of clips; 0 for all")
    options, files = clip_files(parser, frames=96)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        found = {"benchmark": "capacity", "machine": machine()}
        found |= measure([clip_of_file(path, options.frames) for path in files[: options.count or None]], Path(folder))
    if not options.json:
        for name, value in found.items():
            print(f"{name}: {value}")
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
