"""Photographs and their mirror images."""

from __future__ import annotations

import cv2
import numpy as np

from lcvd.studio.photo import photo

SIZE = 128


def test_a_mirror_image_is_taken_apart_as_one() -> None:
    """The fit knows nothing of the other picture: turned and lit the other way round."""
    straight, mirrored = photo("astronaut", SIZE), photo("astronaut", SIZE, mirrored=True)
    blurred, other = (cv2.GaussianBlur(each, (0, 0), 2) for each in (straight.picture[:, ::-1], mirrored.picture))
    assert np.corrcoef(blurred.ravel(), other.ravel())[0, 1] > 0.9
    (nod, shake, tilt), mirrored_pose = straight.codes.pose[0], mirrored.codes.pose[0]
    assert np.abs(mirrored_pose - (nod, -shake, -tilt)).max() < np.radians(4)
    assert np.abs(mirrored_pose - (nod, shake, tilt)).max() > np.radians(4)
