from types import SimpleNamespace

import numpy as np

from lcvd.evaluate.methods.baselines import CHUNK, round_trip


def test_the_round_trip_is_the_codec_s_and_nothing_else():
    shapes = []
    codec = SimpleNamespace(encode=lambda x: (shapes.append(x.shape), x / 2)[1], decode=lambda z: z * 2)
    frames = np.random.default_rng(0).integers(0, 256, (CHUNK + 3, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(round_trip(codec, frames), frames)
    assert shapes == [(CHUNK, 3, 8, 8), (3, 3, 8, 8)]
