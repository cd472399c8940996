"""A study of two methods and three shots, with names that must not reach a browser, and a server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn

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
def served() -> Callable[[Study], contextmanager]:
    """Serves a study on a free port of loopback; gives its address."""

    @contextmanager
    def serve(study: Study) -> Iterator[str]:
        server = uvicorn.Server(uvicorn.Config(study_app(study), host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            thread.join(0.02)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

    return serve
