import pytest

from lcvd.face import flame
from lcvd.face.heads import head_of
from lcvd.weights.registry import MissingWeights


def test_the_head_of_codes_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    assert head_of("open-head/1").name == "open-head/1"
    with pytest.raises(MissingWeights, match="flame"):
        head_of(flame.NAME)
