import itertools

import numpy as np

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import embed, five_points
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
