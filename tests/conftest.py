"""Fixtures that many tests share: golden numbers, real clips, a fresh cache, a browser."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcvd.cache.store import Cache

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup`, the tests of a file stay together, and so do all quick ones that need the reproduced project:
    making it takes longer than all of them. Slow ones take longer still, and are shared out by file."""
    for item in items:
        shared = "reproduced" in getattr(item, "fixturenames", ()) and item.get_closest_marker("slow") is None
        item.add_marker(pytest.mark.xdist_group("reproduced" if shared else item.path.relative_to(ROOT).as_posix()))


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium as the system has it. It starts and ends processes as it likes: other modules' tests don't see any."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed: pip install '.[dev]'")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser on PATH: install one of {', '.join(names)}")
    # Chromium's sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
