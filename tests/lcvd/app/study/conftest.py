"""A study of two methods and three shots, with names that must not reach a browser, and a server of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette

from lcvd.app.study.material import Study, open_study
from lcvd.app.study.page import study_app
from lcvd.video.encode import write_browser

METHODS, SHOTS = ("sekret-ours", "sekret-theirs"), ("anna_left", "bob_top", "bob_warm")


def small_study(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for kind in ("reference", "light"):
        (folder / kind).mkdir(parents=True)
        for shot in SHOTS:
            cv2.imwrite(str(folder / kind / f"{shot}.png"), rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for method in METHODS:
        (folder / "videos" / method).mkdir(parents=True)
        for shot in SHOTS:
            start = rng.integers(0, 128, (1, 64, 64, 3), dtype=np.uint8)
            frames = start + np.arange(0, 100, 5, dtype=np.uint8)[:, None, None, None]
            write_browser(folder / "videos" / method / f"{shot}.mp4", [frames], 25.0)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_study(tmp_path / "study")


@pytest.fixture
def study(folder: Path) -> Study:
    return open_study(folder)


@pytest.fixture
def served(
    on_loopback: Callable[[Starlette], AbstractContextManager[str]],
) -> Callable[[Study], AbstractContextManager[str]]:
    """Serves a study on a free port of loopback; gives its address."""
    return lambda study: on_loopback(study_app(study))
