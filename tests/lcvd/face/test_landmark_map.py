from pathlib import Path

import cv2
import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.landmark_map import LINES, SQUARES, landmark_maps
from lcvd.face.track import LANDMARKS, Tracker
from lcvd.video.clip import Clip
from lcvd.video.decode import read


def spread(size: int) -> np.ndarray:
    """Landmarks on a grid, far enough from each other that squares and line ends can be told apart."""
    across = 24
    numbers = np.arange(LANDMARKS)
    step = size / across
    return np.stack([(numbers % across + 0.5) * step, (numbers // across + 1.5) * step], axis=-1)[None]


def face(size: int) -> np.ndarray:
    """Landmarks of which all but a few are outside the picture."""
    points = np.full((1, LANDMARKS, 2), -500.0)
    return points * size / 512


def test_it_has_the_published_colours_and_no_other() -> None:
    colours = [colour for colour, _ in LINES] + [colour for colour, _ in SQUARES]
    found = {tuple(pixel) for pixel in landmark_maps(spread(512))[0].reshape(-1, 3)}
    assert found == {(0, 0, 0), *colours}
    assert len(set(colours)) == 15


@pytest.mark.parametrize(
    ("colour", "ends"),
    [
        ((10, 200, 180), (33, 133)),  # right eye
        ((10, 220, 180), (46, 55)),
        ((180, 200, 10), (263, 362)),  # left eye
        ((180, 220, 10), (300, 336)),
        ((10, 180, 20), (61, 17)),
        ((20, 10, 180), (17, 291)),
        ((100, 100, 30), (78, 14)),
        ((100, 150, 50), (14, 308)),
        ((20, 80, 100), (61, 0)),
        ((80, 100, 20), (0, 291)),
        ((120, 100, 200), (78, 13)),
        ((150, 120, 100), (13, 308)),
    ],
)
def test_each_chain_joins_its_ends_in_its_colour(colour: tuple[int, int, int], ends: tuple[int, int]) -> None:
    chain = next(chain for tint, chains in LINES if tint == colour for chain in chains if (chain[0], chain[-1]) == ends)
    points = face(512)
    points[0, chain] = np.stack([np.linspace(100, 400, len(chain)), np.full(len(chain), 256)], axis=-1)
    drawn = (landmark_maps(points)[0] == colour).all(-1)
    thick = drawn[253:260, 110:390].sum(axis=0)  # neighbours' lines leave the ends for outside
    assert thick.min() >= 2
    assert thick.max() <= 3


def test_squares_of_six_pixels_lie_on_irises_and_nose() -> None:
    points = face(512)
    for number, (x, y) in ((468, (100, 90)), (473, (300, 95)), (4, (200, 300))):
        points[0, number] = x, y
    drawn = landmark_maps(points)[0]
    for (colour, _), (x, y) in zip(SQUARES, ((100, 90), (300, 95), (200, 300)), strict=True):
        here = (drawn == colour).all(-1)
        assert here.sum() == 36
        assert here[y - 3 : y + 3, x - 3 : x + 3].all()


def test_frames_are_drawn_alone_and_those_without_a_face_are_black() -> None:
    points = np.concatenate([spread(256), spread(256), spread(256) + 3])
    points[1] = np.nan
    maps = landmark_maps(points, 256)
    assert maps.shape == (3, 256, 256, 3)
    assert maps.dtype == np.uint8
    assert not maps[1].any()
    np.testing.assert_array_equal(maps[2], landmark_maps(points[2:], 256)[0])
    # Half the size: lines of one pixel, squares of three.
    assert (maps[0] == SQUARES[2][0]).all(-1).sum() == 9


def test_landmarks_without_irises_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 468, 3\).*irises"):
        landmark_maps(np.zeros((2, 468, 3)))


def test_it_looks_like_the_published_map(clips_dir: Path) -> None:
    path = clips_dir.parent / "oracle" / "shading.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} of the published code isn't here")
    frames = np.stack(list(read(Clip("a", "a", path, "", 0, 101, 20.0, 2560, 512, None, "", ""), [30, 31, 32])))
    tracker = Tracker(TrackSettings())
    tracker.update(np.ascontiguousarray(frames[:, :, 1024:1536]))
    ours = landmark_maps(tracker.finish().landmarks)
    theirs = frames[:, :, 1536:2048]
    drawn, published = (images.max(-1) > 60 for images in (ours, theirs))
    near = np.stack([cv2.dilate(picture.astype(np.uint8), np.ones((7, 7))) for picture in drawn]) > 0
    assert near[published].mean() > 0.95
    assert 0.85 < drawn.sum() / published.sum() < 1.15
    both = drawn & published
    assert np.abs(ours[both].astype(int) - theirs[both]).mean() < 30  # video, and other landmarks by a pixel
