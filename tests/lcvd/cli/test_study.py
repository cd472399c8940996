import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lcvd.app.study.ratings import Rating, append
from lcvd.metrics.user_study import QUESTIONS
from tests.lcvd.app.study.conftest import small_study

LCVD = Path(sys.executable).with_name("lcvd")


def run(*words, code=0):
    done = subprocess.run([LCVD, "study", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_study(tmp_path_factory.mktemp("study") / "study")


def test_it_serves_until_it_is_ended(folder):
    argv = [LCVD, "study", "serve", folder, "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.search(r"6 videos of 2 methods: (http://127\.0\.0\.1:\d+/)", line)
            assert found, line
            assert "6 short videos" in httpx.get(found[1]).text
        finally:
            server.terminate()
            server.wait()


def test_results_as_a_table_and_for_a_program(folder):
    assert "no ratings yet" in run("results", folder, code=1)
    for rater, score in (("ann", 4), ("bo", 5)):
        for method, shot in (("ours", "a"), ("ours", "b"), ("theirs", "a"), ("theirs", "b")):
            append(
                folder / "ratings.jsonl",
                Rating(rater, method, shot, dict.fromkeys(QUESTIONS, score - (method != "ours"))),
            )
    assert "| ours | **4.50** [4.00, 5.00]" in run("results", folder)
    found = json.loads(run("results", folder, "--json"))
    assert found["methods"]["theirs"]["ID-User"]["value"] == 3.5
    assert found["raters"] == 2


def test_a_folder_that_is_no_study_is_one_plain_line(tmp_path):
    out = run("serve", tmp_path, code=1)
    assert "videos/<method>/<shot>.mp4" in out
    assert "Traceback" not in out
