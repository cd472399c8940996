"""A movie of noise that the tests of this room share."""

from pathlib import Path

import av
import numpy as np
import pytest

from lcvd.video.encode import write_h264


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """90 frames of noise with key frames every 32, and what PyAV makes of them."""
    path = tmp_path_factory.mktemp("movie") / "noise.mp4"
    write_h264(path, [np.random.default_rng(0).integers(0, 256, (90, 66, 98, 3), dtype=np.uint8)], fps=25)
    with av.open(str(path)) as file:
        return path, np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
