import pytest

from lcvd.sources.manifest import COLUMNS, ManifestError, read_manifests

HEADER = ",".join(COLUMNS)


def write(folder, *rows, name="m.csv", header=HEADER):
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_rows_are_read_in_order_of_id(tmp_path):
    sources = read_manifests(write(tmp_path, "b,p,file:b.mp4,1.5,frame:90,0 0 10 10,mine", "a,p,file:a.mp4,,,,mine"))
    assert [source.id for source in sources] == ["a", "b"]
    assert sources[1].crop == (0, 0, 10, 10)
    assert sources[1].span(100, 30.0) == (45, 90)
    assert sources[0].span(100, 30.0) == (0, 100)


def test_a_range_outside_the_media_is_named(tmp_path):
    source = read_manifests(write(tmp_path, "a,p,file:a.mp4,10,,,mine"))[0]
    with pytest.raises(ValueError, match="start 10 to end the end holds none of 100 frames"):
        source.span(100, 30.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.b,p,file:x.mp4,,,,m", r"line 2: id: 'a\.b'; expected letters"),
        ("a,,file:x.mp4,,,,m", "identity: empty"),
        ("a,p,ftp:x.mp4,,,,m", "address: 'ftp:x.mp4'; expected one of package:"),
        ("a,p,file:x.mp4,soon,,,m", "start: 'soon'; expected seconds"),
        ("a,p,file:x.mp4,5,3,,m", "end: '3' isn't after start '5'"),
        ("a,p,file:x.mp4,,,9 9 1 1,m", "crop: '9 9 1 1'; expected"),
        ("a,p,file:x.mp4", "expected 7 fields"),
        ("a,p,file:x.mp4,,,,m,more", "expected 7 fields"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_column(tmp_path, row, message):
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifests(write(tmp_path, row))
    assert "m.csv: line 2" in str(caught.value)


def test_all_mistakes_of_all_files_are_listed_at_once(tmp_path):
    write(tmp_path, "a,p,file:x.mp4,,,,m", name="one.csv")
    write(tmp_path, "a,p,file:y.mp4,,,,m", "b,p,ftp:z,,,,m", name="two.csv")
    write(tmp_path, "a", name="zzz.csv", header="id,name")
    with pytest.raises(ManifestError) as caught:
        read_manifests(tmp_path)
    for part in ("'a' stands already at one.csv: line 2", "two.csv: line 3: address", "zzz.csv: line 1: columns id,name"):
        assert part in str(caught.value)


def test_no_rows_at_all_say_so(tmp_path):
    with pytest.raises(ManifestError, match="no rows in any"):
        read_manifests(tmp_path)
