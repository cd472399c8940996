import json

import pytest

from lcvd.app.study.ratings import Rating
from lcvd.app.study.results import results
from lcvd.evaluate.protocol import load_protocol
from lcvd.evaluate.record import Record, Setup
from lcvd.metrics.user_study import QUESTIONS
from lcvd.report.opinions import read_study
from lcvd.report.tables import html, markdown, table_of
from tests.lcvd.report.conftest import results_of


@pytest.fixture
def file(tmp_path):
    """Ratings of two shots by three raters, as written by the study's command."""
    scores = {"lcvd": 4, "dpr": 3, "theirs": 2}
    ratings = [
        Rating(rater, method, shot, dict.fromkeys(QUESTIONS, score + (rater == "c")))
        for rater in "abc"
        for method, score in scores.items()
        for shot in ("left", "right")
    ]
    (tmp_path / "results.json").write_text(json.dumps(results(ratings)))
    return tmp_path / "results.json"


def test_opinions_have_their_own_columns(file):
    protocol, _ = load_protocol("smoke")
    setup = Setup("x", ("left",), 128, (25.0,), 0, "", "smoke: the first 16 frames")
    names = ("driving", "lcvd", "dpr")
    full = results_of(protocol, {name: [Record("LE(open)", 1.0, 2, 32, "lower", setup).plain()] for name in names})
    table = table_of(full, read_study(file))
    text = markdown(table)
    assert "| Method | LE(open) ↓ | LA-User ↑ | ID-User ↑ | VQ-User ↑ |" in text
    assert "| LCVD (ours) | **1.00** | **4.33** | **4.33** | **4.33** |" in text
    assert "| DPR | **1.00** | <u>3.33</u> |" in text
    assert "| theirs | – | 2.33 |" in text  # rated by people, not computed
    assert "| Input (unmodified) | 1.00 | – |" in text
    assert "3 raters on 2 shots; agreement (Krippendorff's alpha, ordinal): LA-User 0." in text
    assert "95 %:" in html(table)
    lone = table_of(full)
    assert not set(QUESTIONS) & set(lone.columns)


def test_an_invalid_study_file_is_rejected(tmp_path):
    for text in ("{", "[]", '{"methods": {"a": {}}}'):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(ValueError, match=r"r\.json: expected the output of `lcvd study results FOLDER --json`"):
            read_study(tmp_path / "r.json")
