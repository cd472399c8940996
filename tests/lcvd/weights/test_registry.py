import pytest

from lcvd.cache.store import file_hash
from lcvd.weights.registry import REGISTRY, MissingWeights, find_weights, require, weights_hash


def test_the_error_for_missing_weights_names_licence_address_and_path(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights) as caught:
        require("deca")
    for word in ("deca_model.tar", "non-commercial", "https://", str(tmp_path), "Open default"):
        assert word in str(caught.value)


def test_existing_weights_are_found(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    assert find_weights("u2net-human") is None
    (tmp_path / "u2net").mkdir()
    (tmp_path / "u2net" / "u2net_human_seg.pth").touch()
    assert require("u2net-human") == tmp_path / "u2net" / "u2net_human_seg.pth"


def test_names_are_unique_and_an_unknown_name_is_an_error():
    assert len({entry.name for entry in REGISTRY}) == len(REGISTRY)
    with pytest.raises(KeyError, match="known: deca"):
        require("nothing")


def test_the_hash_follows_the_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    path = tmp_path / "flame" / "generic_model.pkl"
    path.parent.mkdir()
    path.write_bytes(b"one")
    before = weights_hash("flame")
    path.write_bytes(b"other")
    assert before != weights_hash("flame") == file_hash(path)
    with pytest.raises(MissingWeights, match="FLAME_masks"):
        weights_hash("flame-masks")
