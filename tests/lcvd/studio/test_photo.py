"""Photographs and their mirror images."""

import cv2
import numpy as np

from lcvd.studio.photo import load_photo

SIZE = 128


def test_the_decomposition_of_a_mirror_image_is_mirrored() -> None:
    """The fit of the mirror image is independent of the original, and must mirror its pose and light."""
    straight, mirrored = load_photo("astronaut", SIZE), load_photo("astronaut", SIZE, mirrored=True)
    blurred, other = (cv2.GaussianBlur(each, (0, 0), 2) for each in (straight.image[:, ::-1], mirrored.image))
    assert np.corrcoef(blurred.ravel(), other.ravel())[0, 1] > 0.9
    (nod, shake, tilt), mirrored_pose = straight.codes.pose[0], mirrored.codes.pose[0]
    assert np.abs(mirrored_pose - (nod, -shake, -tilt)).max() < np.radians(4)
    assert np.abs(mirrored_pose - (nod, shake, tilt)).max() > np.radians(4)
