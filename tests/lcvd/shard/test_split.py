import pytest

from lcvd.shard.split import place, split_clips

MANY = {f"clip{i:03d}": f"person{i // 2:03d}" for i in range(400)}


def test_an_identity_is_in_one_split() -> None:
    splits = split_clips(MANY, 0.2, 0.1)
    for i in range(0, 400, 2):
        assert splits.of[f"clip{i:03d}"] == splits.of[f"clip{i + 1:03d}"]
    assert not splits.shared
    sizes = [len(splits.ids(name)) for name in ("train", "val", "test")]
    assert sum(sizes) == 400
    assert sizes == pytest.approx([280, 40, 80], abs=30)


def test_new_clips_move_none_of_the_old() -> None:
    some = dict(list(MANY.items())[:300])
    before, after = split_clips(some, 0.2, 0.1), split_clips(MANY, 0.2, 0.1)
    assert all(after.of[id] == names for id, names in before.of.items())


def test_order_of_clips_does_not_matter() -> None:
    turned = dict(reversed(MANY.items()))
    assert split_clips(MANY, 0.2, 0.1) == split_clips(turned, 0.2, 0.1)


def test_two_identities_always_give_train_and_test() -> None:
    for pair in (("anna", "bert"), ("a", "b"), ("x1", "x2"), ("p", "q")):
        for share in (0.0, 0.5, 0.9):
            splits = split_clips({"one": pair[0], "two": pair[1], "three": pair[1]}, share, 0.05)
            assert splits.ids("train")
            assert splits.ids("test")
            assert not splits.shared
    lowest = min(("anna", "bert"), key=place)
    chosen = split_clips({"a": "anna", "b": "bert"}, 0.0, 0.0)
    assert chosen.ids("test") == [{"anna": "a", "bert": "b"}[lowest]]


def test_one_identity_is_shared() -> None:
    alone = split_clips({"only": "anna"}, 0.2, 0.0)
    assert alone.ids("train") == alone.ids("test") == ["only"]
    assert alone.shared
    assert alone.same_clips
    several = split_clips({"a": "anna", "b": "anna", "c": "anna"}, 0.0, 0.0)
    assert several.shared
    assert not several.same_clips
    assert len(several.ids("test")) == 1
    assert len(several.ids("train")) == 2


def test_places_are_fixed() -> None:
    """Changing the hash would move every identity: these numbers must never change."""
    assert place("anna") == pytest.approx(0.3333680, abs=1e-6)
    assert all(0 <= place(str(i)) < 1 for i in range(100))


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="no clips to split"):
        split_clips({}, 0.1, 0.1)
    with pytest.raises(ValueError, match=r"below 1, not 0\.5"):
        split_clips({"a": "b"}, 0.5, 0.5)
