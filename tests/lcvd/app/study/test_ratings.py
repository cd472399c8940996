import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from lcvd.app.study.ratings import Rating, append, rater_name, read
from lcvd.metrics.user_study import QUESTIONS


def rating(rater="ann", method="ours", shot="a", score=3, **changes):
    return Rating(rater, method, shot, dict.fromkeys(QUESTIONS, score) | changes)


def test_what_is_added_is_read_and_the_last_word_counts(tmp_path):
    path = tmp_path / "ratings.jsonl"
    assert read(path) == []
    for each in (rating(score=2), rating(rater="bo"), rating(score=5)):
        append(path, each)
    assert [(r.rater, r.scores["VQ-User"]) for r in read(path)] == [("ann", 5), ("bo", 3)]
    assert len(path.read_text().splitlines()) == 3  # nothing is taken away


@pytest.mark.parametrize("score", [0, 6, -1, 2.5, "3", True, None])
def test_a_score_off_the_scale_is_refused(score):
    with pytest.raises(ValueError, match="a score is a whole number from 1 to 5"):
        rating(**{"ID-User": score})


def test_all_questions_and_none_besides():
    with pytest.raises(ValueError, match="expected"):
        Rating("ann", "ours", "a", {"LA-User": 3})
    with pytest.raises(ValueError, match="expected"):
        rating(**{"XX-User": 3})


def test_a_line_cut_short_costs_that_line_alone(tmp_path, caplog):
    path = tmp_path / "ratings.jsonl"
    append(path, rating("ann"))
    append(path, rating("bo"))
    path.write_bytes(path.read_bytes()[:-20])
    append(path, rating("cy"))
    with caplog.at_level(logging.WARNING):
        assert [r.rater for r in read(path)] == ["ann", "cy"]
    assert "line 2: truncated" in caplog.text


def test_a_line_that_is_no_rating_is_named(tmp_path):
    path = tmp_path / "ratings.jsonl"
    append(path, rating())
    with path.open("a") as file:
        file.write(json.dumps({"rater": "ann", "method": "ours", "shot": "a", "scores": {"LA-User": 9}}) + "\n")
    with pytest.raises(ValueError, match=r"ratings\.jsonl, line 2: not a rating"):
        read(path)


def test_many_at_once_lose_nothing(tmp_path):
    path = tmp_path / "ratings.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append(path, rating(f"rater {i}")), range(64)))
    assert {r.rater for r in read(path)} == {f"rater {i}" for i in range(64)}


def test_names():
    assert rater_name("  Ann \t Lee ") == "Ann Lee"
    assert rater_name("Zoe\u0308") == "Zo\u00eb"
    for text in ("", "   ", "x" * 41, "a\x00b"):
        with pytest.raises(ValueError, match="1 to 40 characters"):
            rater_name(text)
