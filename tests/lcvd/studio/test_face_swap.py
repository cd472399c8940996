"""A swapped face lies exactly where the photographed one was."""

import cv2
import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import embed, five_points
from lcvd.face.track import Tracker
from lcvd.studio.face_swap import source_face, swap_face
from lcvd.studio.layout import FaceLayout
from lcvd.studio.photo import SETTLING_FRAMES, load_photo

SIZE, DRAWN = 256, 128


def _five(image: np.ndarray) -> np.ndarray:
    """Eyes, nose and mouth corners (5, 2) in px, as detected in an image."""
    tracker = Tracker(TrackSettings())
    tracker.update(np.broadcast_to(image.astype(np.uint8), (SETTLING_FRAMES, SIZE, SIZE, 3)))
    return five_points(tracker.finish().landmarks[-1])


@pytest.mark.parametrize("mirrored", [False, True])
def test_eyes_and_nose_are_at_the_photographs_positions(mirrored: bool) -> None:
    """Landmarks are detected in the images, independently of the mesh used to make both."""
    theirs, ours = (
        _five(source_face("astronaut", mirrored, 3, SIZE)),
        _five(load_photo("astronaut", SIZE, mirrored).image),
    )
    apart = np.hypot(*(ours[1] - ours[0]))
    assert np.hypot(*(theirs - ours)[:3].T).max() < 0.12 * apart


def test_the_swapped_face_has_another_identity() -> None:
    """By a face recognition network that considers two images the same person from 0.36."""
    images = [
        load_photo("astronaut", SIZE).image,
        *(source_face("astronaut", False, number, SIZE) for number in (3, 5)),
    ]
    embeddings = np.stack([embed(each[None].astype(np.uint8), _five(each)[None])[0] for each in images])
    assert (embeddings[0] @ embeddings[1:].T).max() < 0.3
    assert np.abs(images[1] - images[2]).mean() > 5


def test_only_the_face_changes_and_keeps_its_colour(layout: FaceLayout) -> None:
    rng = np.random.default_rng(0)
    image = np.broadcast_to(np.float32([180, 120, 90]), (DRAWN, DRAWN, 3)) + rng.normal(0, 3, (DRAWN, DRAWN, 3))
    face = cv2.GaussianBlur(rng.uniform(0, 200, (DRAWN, DRAWN, 3)).astype(np.float32), (0, 0), 3)
    other = swap_face(image.astype(np.float32), layout, face)
    changed = np.abs(other - image).max(-1)
    assert changed[50:70, 58:70].max() > 10
    assert changed[cv2.dilate(layout.skin, np.ones((9, 9))) == 0].max() < 0.5
    assert changed[np.mgrid[:DRAWN, :DRAWN][0] > layout.chin + 5].max() < 0.5
    inside = cv2.erode(layout.skin, np.ones((13, 13))) > 0
    assert other[inside].mean(0) == pytest.approx([180, 120, 90], rel=0.1)
