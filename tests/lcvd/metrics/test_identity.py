import numpy as np
import pytest

from lcvd.metrics.identity import TARGETS, align, alignment, cosine


@pytest.mark.golden
def test_golden_metrics_identity_alignment(golden_dir):
    golden = np.load(golden_dir / "metrics.npz")
    points = golden["id_landmarks5"]
    np.testing.assert_allclose(alignment(points), golden["id_matrix"], atol=1e-3)
    y, x = np.mgrid[:256, :256]
    image = np.stack([(x + 7 * int(golden["seed"])) % 256, (2 * y) % 256, (3 * x + 5 * y) % 256], -1).astype(np.uint8)
    crops = align(np.broadcast_to(image, (len(points), *image.shape)), points)[:, ::4, ::4]
    assert np.abs(crops.astype(int) - golden["id_crop_sub"].astype(int)).max() <= 2


def test_a_similarity_is_found_exactly():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    points = TARGETS @ turn.T * 2.5 + [10, -3]
    back = alignment(points)
    np.testing.assert_allclose(points @ back[:, :2].T + back[:, 2], TARGETS, atol=1e-9)


def test_faces_without_extent_are_refused():
    with pytest.raises(ValueError, match="one place"):
        alignment(np.ones((2, 5, 2)))
    with pytest.raises(ValueError, match="five points"):
        alignment(np.ones((4, 2)))


def test_cosine_of_nothing_is_no_number():
    assert cosine([[1.0, 0], [0, 0]], [2.0, 0])[0] == pytest.approx(1)
    assert np.isnan(cosine([[1.0, 0], [0, 0]], [2.0, 0])[1])
