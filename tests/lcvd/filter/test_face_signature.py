"""The face signature on real frames."""

import dataclasses
import json

import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import embed, five_points
from lcvd.face.track import Tracker
from lcvd.filter.face_signature import FaceSignature, face_signature


def test_the_embedding_is_the_mean_over_the_frames(carphone) -> None:
    images = carphone[::8]
    tracker = Tracker(TrackSettings())
    track = tracker.update(images)
    tracker.finish()
    found = face_signature(dict(enumerate(images)), {i: track.landmarks[i] for i in (0, 1, 3, 4)})
    vectors = embed(images, five_points(track.landmarks))[[0, 1, 3, 4]]
    mean = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
    np.testing.assert_allclose(found.vector(), mean, atol=2e-4)
    assert [text is None for text in found.hashes] == [False, False, True, False, False]
    assert found.same_face == pytest.approx(float(vectors[0] @ vectors[-1]), abs=1e-5)
    assert found.hidden < 0.1
    json.dumps(dataclasses.asdict(found))


def test_without_a_face_the_signature_is_empty(carphone) -> None:
    found = face_signature(dict(enumerate(carphone[:3])), {})
    assert found == FaceSignature((None, None, None), "", None, None)
    assert found.vector() is None
