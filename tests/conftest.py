"""Shared fixtures: golden numbers, real clips, an empty cache, a browser."""

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
    """A shell's background processes ignore Ctrl-C, and so would all processes that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Assign groups for `--dist loadgroup`: the tests of a file stay together, and all quick tests that need the
    reproduced project share a group, because creating it takes longer than all of them. Slow ones take even longer and
    are distributed by file."""
    for item in items:
        shared = "reproduced" in getattr(item, "fixturenames", ()) and item.get_closest_marker("slow") is None
        item.add_marker(pytest.mark.xdist_group("reproduced" if shared else item.path.relative_to(ROOT).as_posix()))


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Folder of the golden numbers: `LCVD_GOLDEN_DIR`, default tests/golden."""
    return Path(os.environ.get("LCVD_GOLDEN_DIR", ROOT / "tests" / "golden"))


@pytest.fixture(scope="session")
def clips_dir() -> Path:
    """Folder of real clips: `LCVD_TEST_CLIPS`, default ../shared/clips. Skips the test if it has none."""
    folder = Path(os.environ.get("LCVD_TEST_CLIPS", ROOT.parent / "shared" / "clips"))
    if not any(folder.glob("*.mp4")):
        pytest.skip(f"no clips in {folder}: set LCVD_TEST_CLIPS to a folder of talking-head clips")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty scratch cache."""
    return Cache(tmp_path / ".lcvd" / "cache")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium. It starts processes of its own, so the fixture is limited to a module."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
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
