"""The second detector: two faces side by side are two, a blurred background is none."""

from pathlib import Path

import numpy as np

from lcvd.face.detect import share_with_several
from lcvd.video.decode import decode_bytes


def test_one_and_two_faces(carphone: np.ndarray) -> None:
    one = carphone[::10]
    two = np.concatenate([one, one[:, :, ::-1]], axis=2)
    assert share_with_several(one) == 0.0
    assert share_with_several(two) == 1.0
    assert share_with_several([one[0], two[0]]) == 0.5
    assert share_with_several([]) == 0.0


def test_a_background_that_the_tracker_takes_for_a_face(clips_dir: Path) -> None:
    data = (clips_dir / "lp_s18_woman_indoor_wide.mp4").read_bytes()
    assert share_with_several(decode_bytes(data, [224, 250, 276])) == 0.0
