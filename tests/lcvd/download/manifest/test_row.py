"""Columns of a row: what is accepted, and what an error names."""

import pytest

from lcvd.download.manifest.files import ManifestError, read_manifests
from tests.lcvd.download.manifest.test_files import write


def test_a_range_outside_the_media_is_named(tmp_path):
    source = read_manifests(write(tmp_path, "a,p,file:a.mp4,10,,,mine,own"))[0]
    with pytest.raises(ValueError, match=r"from 10 to the end is not within the media \(100 frames, 3\.33 s\)"):
        source.frame_range(100, 30.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.b,p,file:x.mp4,,,,m,d", r"column id: 'a\.b'; expected 1 to 128 letters"),
        ("-2-3,p,file:x.mp4,,,,m,d", r"column id: '-2-3' would be run as a formula"),
        ("a;touch x,p,file:x.mp4,,,,m,d", r"column id: 'a;touch x'; expected"),
        ("=1+1,p,file:x.mp4,,,,m,d", r"column id: '=1\+1' would be run as a formula"),
        ("../a,p,file:x.mp4,,,,m,d", r"column id: '\.\./a'; expected"),
        ("a,,file:x.mp4,,,,m,d", "column identity: empty"),
        ("a,p,ftp:x.mp4,,,,m,d", "column address: 'ftp:x.mp4'; expected package:"),
        ("a,p,file:x.mp4,soon,,,m,d", "column start: 'soon'; expected seconds"),
        ("a,p,file:x.mp4,5,3,,m,d", "column end: '3' is not after start '5'"),
        ("a,p,file:x.mp4,,,9 9 1 1,m,d", "column crop: '9 9 1 1'; expected"),
        ("a,p,file:x.mp4,,0.0,,m,d", "column end: '0.0' is not after start ''"),
        ("a,p,file:x.mp4,frame:9,frame:9,,m,d", "column end: 'frame:9' is not after start 'frame:9'"),
        ("a,p,file:x.mp4,-1,,,m,d", "column start: '-1'; expected seconds|column start: '-1' would be run"),
        ("a,p,file:x.mp4,,,0 0 -5 9,m,d", "column crop: '0 0 -5 9'; expected"),
        ("a,p,file:,,,,m,d", "column address: 'file:'; expected"),
        ("a,p,file:x.mp4", "expected 8 fields"),
        ("a,p,file:x.mp4,,,,m,d,more", "expected 8 fields"),
    ],
)
def test_an_error_names_file_line_and_column(tmp_path, row, message):
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifests(write(tmp_path, row))
    assert "m.csv, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("start", "end", "frame_range"),
    [
        ("", "", (0, 300)),
        ("1.001", "", (30, 300)),  # 30 frames at exactly 30000/1001 per second
        ("0.5505", "2", (16, 60)),  # 16.4985 and 59.94 frames
        ("0.5506", "frame:300", (17, 300)),  # 16.5015 frames
        ("frame:299", "", (299, 300)),
        ("9", "10.4", (270, 300)),  # a rounded-up duration
    ],
)
def test_times_become_native_frames_exactly(tmp_path, start, end, frame_range):
    source = read_manifests(write(tmp_path, f"a,p,file:a.mp4,{start},{end},,m,d"))[0]
    assert source.frame_range(300, 30000 / 1001) == frame_range


@pytest.mark.parametrize(("start", "end"), [("frame:300", ""), ("", "frame:301"), ("", "11"), ("9", "frame:9")])
def test_times_beyond_the_media_are_rejected(tmp_path, start, end):
    source = read_manifests(write(tmp_path, f"a,p,file:a.mp4,{start},{end},,m,d"))[0]
    with pytest.raises(ValueError, match="is not within the media"):
        source.frame_range(300, 30.0)
