import os

import pytest

from lcvd.cache.store import key_of, link_or_copy


def _make(text, calls):
    def make(folder):
        calls.append(1)
        (folder / "value.txt").write_text(text)

    return make


def test_an_entry_is_made_once(cache):
    calls = []
    key = key_of(a=1)
    first = cache.entry("kind", key, _make("x", calls))
    assert cache.entry("kind", key, _make("y", calls)) == first
    assert (first / "value.txt").read_text() == "x"
    assert len(calls) == 1


@pytest.mark.parametrize("damage", ["alter", "remove", "add", "manifest"])
def test_a_damaged_entry_is_said_and_made_again(cache, damage, caplog):
    calls = []
    folder = cache.entry("kind", key_of(a=1), _make("x", calls))
    if damage == "alter":
        (folder / "value.txt").write_text("tampered")
    elif damage == "remove":
        (folder / "value.txt").unlink()
    elif damage == "add":
        (folder / "more.txt").write_text("")
    else:
        (folder / "SHA256SUMS.json").write_text("{")
    assert (cache.entry("kind", key_of(a=1), _make("x", calls)) / "value.txt").read_text() == "x"
    assert len(calls) == 2
    assert "incomplete or altered" in caplog.text


def test_a_failure_leaves_nothing_behind(cache):
    def explode(folder):
        (folder / "half").write_text("")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.entry("kind", key_of(a=1), explode)
    assert not [path for path in cache.root.rglob("*") if path.is_file()]


def test_keys_ignore_order_and_notice_values():
    assert key_of(a=1, b="x") == key_of(b="x", a=1)
    assert key_of(a=1) != key_of(a=2)
    with pytest.raises(TypeError, match="can't be part of a cache key"):
        key_of(a=object())


def test_linking_replaces_a_file_without_touching_the_old_one(tmp_path):
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    os.link(tmp_path / "target", tmp_path / "other")
    link_or_copy(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "new"
    assert (tmp_path / "other").read_text() == "old"
