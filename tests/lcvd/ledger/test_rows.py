import dataclasses
import pickle

import pytest

from lcvd.ledger import rows as module
from lcvd.ledger.rows import ClipError, failed, filtered, guard, kept, read_counts, read_ledger, write_ledger


def test_rows_survive_the_file_sorted_and_with_the_same_bytes_in_any_order(tmp_path):
    rows = [
        kept("b", score=0.5, box=[1, 2]),
        filtered("a", "blurred", "sharpness 3 < 5", 3.0),
        failed("c", "dead", "404"),
    ]
    write_ledger(tmp_path / "one.parquet", rows)
    write_ledger(tmp_path / "two.parquet", reversed(rows))
    assert read_ledger(tmp_path / "one.parquet") == sorted(rows, key=lambda row: row.id)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_rows_of_many_groups_read_and_found_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GROUP", 10)
    path = tmp_path / "l.parquet"
    rows = [
        kept(f"c{i:03}", number=i, deep={"x": [i]}) if i % 3 else failed(f"c{i:03}", "dead", "404") for i in range(95)
    ]
    write_ledger(path, rows)
    assert read_ledger(path) == rows
    assert [row.fields for row in read_ledger(path)] == [dict(row.fields) for row in rows]
    assert read_ledger(path, "c047") == [rows[47]]
    assert read_ledger(path, "c999") == []
    assert read_counts(path) == {("kept", ""): 63, ("failed", "dead"): 32}
    found = read_ledger(path, "c047")[0]
    assert dataclasses.replace(found, fields={**found.fields, "more": 1}).fields == {
        "number": 47,
        "deep": {"x": [47]},
        "more": 1,
    }
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert type(again.fields) is dict
    write_ledger(tmp_path / "again.parquet", read_ledger(path))
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_a_ledger_without_rows(tmp_path):
    write_ledger(tmp_path / "l.parquet", [])
    assert read_ledger(tmp_path / "l.parquet") == []
    assert read_counts(tmp_path / "l.parquet") == {}


def test_a_repeated_id_is_named(tmp_path):
    with pytest.raises(ValueError, match="two rows have the id 'a'"):
        write_ledger(tmp_path / "l.parquet", [kept("a"), kept("a")])


def test_a_missing_ledger_says_which_stage_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro filter"):
        read_ledger(tmp_path / "filter" / "ledger.parquet")


def test_guard_turns_errors_into_rows_and_keeps_the_traceback_out_of_them(tmp_path):
    def clip_error():
        raise ClipError("not_a_video", "x.mp4: text")

    def surprise():
        raise ZeroDivisionError("division by zero")

    journal = tmp_path / "logs" / "clips.log"
    assert guard("a", clip_error, journal) == failed("a", "not_a_video", "x.mp4: text")
    assert not journal.exists()
    assert guard("b", surprise, journal) == failed("b", "ZeroDivisionError", "division by zero")
    assert "Traceback" in journal.read_text()


def test_guard_lets_memory_errors_pass(tmp_path):
    def hungry():
        raise MemoryError

    with pytest.raises(MemoryError):
        guard("a", hungry, tmp_path / "log")
