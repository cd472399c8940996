import pytest

from lcvd.ledger.rows import ClipError, failed, filtered, guard, kept, read_ledger, write_ledger


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


def test_a_repeated_id_is_named(tmp_path):
    with pytest.raises(ValueError, match="'a' stands twice"):
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
