"""A lent face lies where the photographed one did, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import embed, five_points
from lcvd.face.track import Tracker
from lcvd.studio.face_swap import donor, lent
from lcvd.studio.layout import Places
from lcvd.studio.photo import SETTLING, photo

SIZE, DRAWN = 256, 128


def _five(picture: np.ndarray) -> np.ndarray:
    """Eyes, nose and corners of the mouth (5, 2), px, as a detector finds them in a picture."""
    tracker = Tracker(TrackSettings())
    tracker.update(np.broadcast_to(picture.astype(np.uint8), (SETTLING, SIZE, SIZE, 3)))
    return five_points(tracker.finish().landmarks[-1])


@pytest.mark.parametrize("mirrored", [False, True])
def test_its_eyes_and_nose_are_where_the_photographs_are(mirrored: bool) -> None:
    """By landmarks of pictures, which know nothing of the mesh that both were made with."""
    theirs, ours = _five(donor("astronaut", mirrored, 3, SIZE)), _five(photo("astronaut", SIZE, mirrored).picture)
    apart = np.hypot(*(ours[1] - ours[0]))
    assert np.hypot(*(theirs - ours)[:3].T).max() < 0.12 * apart


def test_it_is_somebody_else() -> None:
    """By a network for recognising faces, which calls two pictures one person from 0.36."""
    pictures = [photo("astronaut", SIZE).picture, *(donor("astronaut", False, number, SIZE) for number in (3, 5))]
    shown = np.stack([embed(each[None].astype(np.uint8), _five(each)[None])[0] for each in pictures])
    assert (shown[0] @ shown[1:].T).max() < 0.3
    assert np.abs(pictures[1] - pictures[2]).mean() > 5


def test_only_the_face_changes_and_keeps_its_colour(where: Places) -> None:
    rng = np.random.default_rng(0)
    picture = np.broadcast_to(np.float32([180, 120, 90]), (DRAWN, DRAWN, 3)) + rng.normal(0, 3, (DRAWN, DRAWN, 3))
    face = cv2.GaussianBlur(rng.uniform(0, 200, (DRAWN, DRAWN, 3)).astype(np.float32), (0, 0), 3)
    other = lent(picture.astype(np.float32), where, face)
    changed = np.abs(other - picture).max(-1)
    assert changed[50:70, 58:70].max() > 10
    assert changed[cv2.dilate(where.skin, np.ones((9, 9))) == 0].max() < 0.5
    assert changed[np.mgrid[:DRAWN, :DRAWN][0] > where.chin + 5].max() < 0.5
    inside = cv2.erode(where.skin, np.ones((13, 13))) > 0
    assert other[inside].mean(0) == pytest.approx([180, 120, 90], rel=0.1)
