import numpy as np

from lcvd.studio.photo import load_photo
from lcvd.studio.render import render


def test_a_photograph_at_rest_in_its_own_light_is_reproduced() -> None:
    still = load_photo("hopper", 128)
    [(frames, masks)] = render(still, still.codes)
    difference = np.abs(frames[0].astype(int) - still.image)
    assert difference.mean() < 2
    assert ((masks[0] > 127) == (still.matte > 0.5)).mean() > 0.99
