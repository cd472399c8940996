import pytest

from lcvd.errors import UsageError
from lcvd.ledger.rows import failed, filtered, kept, write_ledger
from lcvd.ledger.story import counts, last_rows, story


@pytest.fixture
def data(tmp_path):
    write_ledger(tmp_path / "download" / "ledger.parquet", [kept("a"), kept("b"), failed("c", "dead", "404")])
    write_ledger(tmp_path / "filter" / "ledger.parquet", [kept("a"), filtered("b", "blurred", "3 < 5", 3.0)])
    return tmp_path


def test_a_story_joins_the_stages_in_order(data):
    assert [(stage, row.status) for stage, row in story(data, "b")] == [("download", "kept"), ("filter", "filtered")]


def test_the_last_word_on_each_clip(data):
    last = last_rows(data)
    assert {id: stage for id, (stage, _) in last.items()} == {"a": "filter", "b": "filter", "c": "download"}
    assert counts([row for _, row in last.values()])["failed:dead"] == 1


def test_an_unknown_clip_is_named(data):
    with pytest.raises(UsageError, match="'z' is in no ledger"):
        story(data, "z")
