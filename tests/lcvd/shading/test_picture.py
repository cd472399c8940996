from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcvd.config.settings import ReconstructSettings
from lcvd.ledger.rows import ClipError
from lcvd.shading.picture import codes_of_picture
from lcvd.shading.sh import dominant_direction


@pytest.mark.parametrize(("name", "side"), [("lcvd_target_lighting1.jpg", 1), ("lcvd_target_lighting2.png", -1)])
def test_the_published_targets_are_lit_from_their_sides(clips_dir: Path, name: str, side: int) -> None:
    path = clips_dir.parent / "lights" / name
    if not path.exists():
        pytest.skip(f"{path} isn't here: it comes with the published code")
    codes = codes_of_picture(np.asarray(Image.open(path).convert("RGB")), ReconstructSettings())
    assert side * dominant_direction(codes.light)[0, 0] > 0.5
    assert codes.frames == 1


def test_a_picture_without_a_face_is_said() -> None:
    with pytest.raises(ClipError, match="face"):
        codes_of_picture(np.full((120, 120, 3), 90, np.uint8), ReconstructSettings())
    with pytest.raises(ValueError, match="uint8 RGB"):
        codes_of_picture(np.zeros((120, 120), np.uint8), ReconstructSettings())
