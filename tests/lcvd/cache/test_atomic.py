"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from lcvd.cache.atomic import append_json_line, read_json_lines, write_text_whole, written_whole


def test_the_file_appears_with_all_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    with written_whole(path) as temporary:
        temporary.write_text("whole", encoding="utf-8")
        assert temporary.suffix == ".part"
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert [found.name for found in path.parent.iterdir()] == ["a.json"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text_whole(path, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError

    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        fail(temporary)
    assert path.read_text(encoding="utf-8") == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_json_lines_are_appended_limited_and_read_without_truncated_ones(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.jsonl"
    assert read_json_lines(path) == []
    for number in range(7):
        append_json_line(path, {"number": number}, 3)
    assert [row["number"] for row in read_json_lines(path)] == [4, 5, 6]
    path.write_text(path.read_text() + '{"numb')
    assert [row["number"] for row in read_json_lines(path)] == [4, 5, 6]
