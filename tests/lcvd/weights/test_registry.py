import pytest

from lcvd.cache.store import file_hash
from lcvd.weights.registry import REGISTRY, MissingWeights, fingerprint, locate, require


def test_a_missing_weight_says_which_licence_where_from_and_where_to(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights) as caught:
        require("deca")
    for word in ("deca_model.tar", "non-commercial", "https://", str(tmp_path), "Open default"):
        assert word in str(caught.value)


def test_a_present_weight_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    assert locate("u2net-human") is None
    (tmp_path / "u2net").mkdir()
    (tmp_path / "u2net" / "u2net_human_seg.pth").touch()
    assert require("u2net-human") == tmp_path / "u2net" / "u2net_human_seg.pth"


def test_names_are_unique_and_an_unknown_one_is_named():
    assert len({entry.name for entry in REGISTRY}) == len(REGISTRY)
    with pytest.raises(KeyError, match="known: deca"):
        require("nothing")


def test_a_fingerprint_follows_the_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    path = tmp_path / "flame" / "generic_model.pkl"
    path.parent.mkdir()
    path.write_bytes(b"one")
    before = fingerprint("flame")
    path.write_bytes(b"other")
    assert before != fingerprint("flame") == file_hash(path)
    with pytest.raises(MissingWeights, match="FLAME_masks"):
        fingerprint("flame-masks")
