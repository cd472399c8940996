import pytest

from lcvd.errors import FileError
from lcvd.evaluate.records_file import read_records, values_of, write_records


def test_what_is_written_is_read(tmp_path):
    methods = {
        "lcvd": {"records": [{"name": "LE", "value": 0.5}, {"name": "ID", "value": None}]},
        "dpr": {"refused": "no"},
    }
    full = write_records(tmp_path / "new" / "records.json", {"methods": methods})
    assert read_records(tmp_path / "new" / "records.json") == full
    assert values_of(full, "lcvd") == {"LE": 0.5, "ID": None}
    assert values_of(full, "dpr") == values_of(full, "nobody") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"arms": {"model": []}}', "format 1, expected 2; evaluate again"),
        ('{"version": 3}', "format 3, expected 2"),
        ("[]", "not an evaluation's records.json"),
        ('{"a": 1}', "not an evaluation's records.json"),
        ("{", "not an evaluation's records.json"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(FileError, match=rf"r\.json: {message}"):
        read_records(tmp_path / "r.json")
