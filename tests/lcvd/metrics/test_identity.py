import numpy as np
import pytest

from lcvd.metrics.identity import cosine


def test_cosine_of_nothing_is_no_number():
    assert cosine([[1.0, 0], [0, 0]], [2.0, 0])[0] == pytest.approx(1)
    assert np.isnan(cosine([[1.0, 0], [0, 0]], [2.0, 0])[1])
