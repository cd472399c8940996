"""`lcvd numbers` on lines that a run wrote."""

import dataclasses

from click.testing import CliRunner

from lcvd.cli.numbers import numbers
from lcvd.ledger.numbers import note
from tests.lcvd.ledger.test_numbers import PACK, WORK

TRAIN = dataclasses.replace(PACK, name="train", wall_s=7200.0)


def test_nothing_measured_says_what_to_do(tmp_path):
    done = CliRunner().invoke(numbers, ["--scratch", str(tmp_path)])
    assert done.exit_code == 1
    assert "no measurements yet; run `lcvd run`" in done.output


def test_hours_and_cost_of_many_clips(tmp_path):
    for work in (WORK, PACK, TRAIN):
        note(tmp_path, work)
    shown = CliRunner().invoke(numbers, [], env={"LCVD_SCRATCH": str(tmp_path)}).output
    assert "filter: 0.8 clips/s, 50 frames/s, 2 of 8 from the cache; 40% face mesh" in shown
    assert "2.5 worker seconds per clip" in shown
    assert "28800 clips" not in shown
    arguments = ["--scratch", str(tmp_path), "--clips", "28800", "--machines", "4", "--price", "3"]
    lines = CliRunner().invoke(numbers, arguments).output.splitlines()
    assert "28800 clips on 4 machines, 1 times as long as measured:" in lines
    assert "  filter             2.50 h        10.00 machine hours   costs 30.00" in lines
    assert "  pack              10.00 h        10.00 machine hours   costs 30.00" in lines
    assert "  total             12.50 h        20.00 machine hours   costs 60.00" in lines
    assert lines[-1] == "  train: independent of the number of clips: 2.00 h as measured"
