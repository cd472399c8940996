import numpy as np
import pytest

from lcvd.face.square import resize_masks, square_of, square_pictures, to_ndc, to_pixels
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError


def _track(boxes, present=None):
    boxes = np.asarray(boxes, np.float32)
    present = np.ones(len(boxes), bool) if present is None else np.asarray(present)
    return FaceTrack(np.zeros((len(boxes), 478, 3), np.float32), boxes, present, present.astype(np.int32))


def test_the_square_holds_the_face_and_stays_inside():
    x0, y0, side = square_of(_track([[10, 20, 70, 90]] * 5), 640, 360, 2.0)
    assert side == 140
    assert x0 == 0
    assert y0 == 0
    x0, y0, side = square_of(_track([[300, 150, 360, 220]] * 5), 640, 360, 2.0)
    assert abs(x0 + side / 2 - 330) <= 1
    assert 0 < y0 + side / 2 - 185 < 5


def test_it_is_never_larger_than_the_frame_and_grows_with_motion():
    assert square_of(_track([[10, 10, 130, 130]] * 3), 176, 144, 2.0)[2] == 144
    moving = [[100 + 10 * t, 100, 160 + 10 * t, 170] for t in range(20)]
    assert square_of(_track(moving), 1280, 720, 2.0)[2] >= 240


def test_frames_without_a_face_do_not_count_and_none_at_all_is_an_error():
    with_gap = _track([[300, 150, 360, 220], [0, 0, 0, 0]], [True, False])
    assert square_of(with_gap, 640, 360, 2.0)[2] == 140
    with pytest.raises(ClipError, match="no frame shows a face"):
        square_of(_track([[0, 0, 0, 0]], [False]), 640, 360, 2.0)


def test_ndc_and_pixels_agree():
    square = np.array([10, 20, 100])
    points = np.array([[10.0, 20.0], [60.0, 70.0], [110.0, 120.0]])
    assert np.allclose(to_ndc(points, square), [[-1, -1], [0, 0], [1, 1]])
    assert np.allclose(to_pixels(to_ndc(points, square), 256), (points - [10, 20]) * 2.56)


def ramp(height: int = 60, width: int = 80) -> np.ndarray:
    x = np.broadcast_to(np.arange(width) * 3, (2, height, width))
    y = np.broadcast_to(np.arange(height)[:, None] * 4, (2, height, width))
    return np.stack([x, y, np.zeros_like(x)], -1).astype(np.uint8)


def test_a_cut_of_the_same_size_is_exact() -> None:
    window = ramp()
    np.testing.assert_array_equal(square_pictures(window, np.array([10, 5, 40]), 40), window[:, 5:45, 10:50])


@pytest.mark.parametrize("size", [20, 80])
def test_places_stay(size: int) -> None:
    """The pixel centre i + 0.5 of the result shows the square's point (i + 0.5) * side / size."""
    pictures = square_pictures(ramp(), np.array([10, 5, 40]), size)
    places = (np.arange(size) + 0.5) * 40 / size - 0.5
    inner = slice(size // 8, -size // 8)
    np.testing.assert_allclose(pictures[0, size // 2, inner, 0], (10 + places[inner]) * 3, atol=1.1)
    np.testing.assert_allclose(pictures[1, inner, size // 2, 1], (5 + places[inner]) * 4, atol=1.1)


def test_a_square_outside_is_named() -> None:
    for square in ([-1, 0, 20], [0, 0, 61], [70, 0, 20]):
        with pytest.raises(ValueError, match="leaves the frame of 80 x 60"):
            square_pictures(ramp(), np.array(square), 32)


def test_masks_stay_binary_and_in_place() -> None:
    soft = np.zeros((1, 12, 12), np.uint8)
    soft[0, 3:9, 6:] = 200
    soft[0, 2] = 90
    for size in (6, 12, 24, 16):
        found = resize_masks(soft, size)
        assert set(np.unique(found)) <= {0, 255}
        assert found.mean() == pytest.approx(255 * 36 / 144, abs=12)
    np.testing.assert_array_equal(resize_masks(soft, 24)[0, ::2, ::2] > 0, soft[0] > 127)
