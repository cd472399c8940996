"""Fixtures that many tests share: golden numbers, real clips, a fresh cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lcvd.cache.store import Cache

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Folder of the golden numbers, `LCVD_GOLDEN_DIR` or tests/golden."""
    return Path(os.environ.get("LCVD_GOLDEN_DIR", ROOT / "tests" / "golden"))


@pytest.fixture(scope="session")
def clips_dir() -> Path:
    """Folder of real clips, `LCVD_TEST_CLIPS` or ../shared/clips; skips where there are none."""
    folder = Path(os.environ.get("LCVD_TEST_CLIPS", ROOT.parent / "shared" / "clips"))
    if not any(folder.glob("*.mp4")):
        pytest.skip(f"no clips in {folder}: name a folder of talking-head clips in LCVD_TEST_CLIPS")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty scratch cache."""
    return Cache(tmp_path / ".lcvd" / "cache")
