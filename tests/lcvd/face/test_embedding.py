import itertools

import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import TARGETS, align, alignment, embed, five_points
from lcvd.face.people import cluster
from lcvd.face.track import Tracker
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.probe import probe


def _embeddings(path, frames):
    found = probe(path)
    clip = Clip("a", "a", path, "", 0, found.frames, found.fps, found.width, found.height, None, "", "")
    images = read(clip, frames)
    tracker = Tracker(TrackSettings())
    tracker.update(images)
    track = tracker.finish()
    assert track.present.all()
    return embed(images, five_points(track.landmarks))


def test_the_same_person_is_closer_than_any_other(clips_dir):
    paths = sorted(clips_dir.glob("lp_d*.mp4"))[:3]
    people = [_embeddings(path, [0, 30]) for path in paths]
    assert all(np.allclose(np.linalg.norm(p, axis=1), 1, atol=1e-5) for p in people)
    same = min(float(a @ b) for a, b in people)
    other = max(float(a[0] @ b[0]) for a, b in itertools.combinations(people, 2))
    assert same > 0.5 > 0.363 > other
    labels = cluster({f"{path.stem}{i}": p[i] for path, p in zip(paths, people, strict=True) for i in range(2)})
    assert len(set(labels.values())) == 3


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
