from dataclasses import replace

import pytest
from click.testing import CliRunner

from lcvd.cli.compare import compare
from lcvd.errors import UsageError
from lcvd.evaluate.compare import DifferentSetups
from lcvd.evaluate.record import Record, Setup
from lcvd.evaluate.records_file import write_records

LE = Record("LE(open)", 1.0, 2, 62, "lower", Setup("x", ("left",), 128, (25.0,), 0), versions={"torch": "2.12"})


def files(tmp_path, *records):
    for number, record in enumerate(records):
        write_records(tmp_path / f"{number}.json", {"methods": {"lcvd": {"records": [record.plain()]}}})
    return [str(tmp_path / f"{number}.json") for number in range(len(records))]


def test_two_evaluations_are_compared(tmp_path):
    after = replace(LE, value=0.5, versions={"torch": "2.13"})
    done = CliRunner().invoke(compare, files(tmp_path, LE, after), catch_exceptions=False)
    assert "1 ->        0.5" in done.output
    assert "different version: torch 2.12 -> 2.13" in done.output


def test_other_protocols_and_other_files_are_refused(tmp_path):
    with pytest.raises(DifferentSetups, match="frames: 62, 63"):
        CliRunner().invoke(compare, files(tmp_path, LE, replace(LE, frames=63)), catch_exceptions=False)
    with pytest.raises(UsageError, match="no records of method 'nobody'; it has lcvd"):
        CliRunner().invoke(compare, [*files(tmp_path, LE, LE), "--method", "nobody"], catch_exceptions=False)
