"""Lines in the format of TalkingHead-1KH's lists, compared with parts cut by FFmpeg's segment muxer."""

from pathlib import Path

import av
import numpy as np
import pytest

from lcvd.download.datasets.registry import DATASETS, read_dataset
from lcvd.download.manifest.files import ManifestError, read_manifests, write_manifest
from lcvd.video.encode import write_h264
from lcvd.video.probe import probe

KNOWN = DATASETS.get("talkinghead-1kh")
LINE = "--Y9imYnfBw_0001,720,1280,12,140,320,40,840,560"


def read(folder: Path, *lines: str, **options: bool):
    (folder / "list.txt").write_text("\n".join(lines) + "\n")
    return read_dataset(KNOWN, folder / "list.txt", **options)


def test_a_line_becomes_a_row(tmp_path: Path) -> None:
    assert read(tmp_path, LINE).rows == [
        {
            "id": "talkinghead-1kh---Y9imYnfBw_0001-S12-E140-L320-T40-R840-B560",
            "identity": "youtube:--Y9imYnfBw",
            "address": "youtube:--Y9imYnfBw",
            "start": "key:60+12",
            "end": "key:60+141",
            "crop": "320 40 840 560 of 1280x720",
            "licence": KNOWN.licence,
            "dataset": "talkinghead-1kh",
        }
    ]


def test_frames_match_parts_cut_without_decoding(tmp_path: Path) -> None:
    """One-minute parts of a 150 s clip at 2 frames per second, cut by FFmpeg's segment muxer as in the dataset."""
    noise = np.random.default_rng(0).integers(0, 255, (300, 64, 64, 3), dtype=np.uint8)
    noise[:, :8, :8] = 8 * (np.arange(300) % 30)[:, None, None, None]
    write_h264(tmp_path / "a.mp4", [noise], fps=2, gop=35)
    with av.open(str(tmp_path / "a.mp4")) as source:
        options = {"segment_time": "60", "segment_format": "matroska"}
        with av.open(str(tmp_path / "%04d.mkv"), "w", format="segment", options=options) as parts:
            copy = parts.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = copy
                    parts.mux(packet)
    lengths = []
    for number in range(3):
        with av.open(str(tmp_path / f"{number:04d}.mkv")) as part:
            lengths.append(sum(1 for _ in part.decode(video=0)))
    assert sum(lengths) == 300
    assert lengths[0] != 120  # a cut at the full minute would differ
    found = probe(tmp_path / "a.mp4")
    lines = [f"--Y9imYnfBw_{n:04d},64,64,3,9,0,0,64,64" for n in range(3)]
    write_manifest(tmp_path / "m.csv", read(tmp_path, *lines).rows)
    spans = [source.frame_range(found.frames, found.fps, found.keys) for source in read_manifests(tmp_path)]
    begins = [0, lengths[0], lengths[0] + lengths[1]]
    assert spans == [(begin + 3, begin + 10) for begin in begins]


@pytest.mark.parametrize(("line", "message"), [
    (LINE.replace(",560", ""), f"list.txt, line 2, fields: found '{LINE.replace(',560', '')}'; expected <video>_<minute>,H,W"),
    (LINE.replace("12,140", "150,140"), "line 2, S, E: found '150, 140'; expected S <= E"),
    (LINE.replace("840", "1281"), "line 2, L, T, R, B: found '320, 40, 1281, 560'; expected a box within the 1280x720"),
    (LINE.replace("40,840,560", "560,840,560"), "L, T, R, B: found '320, 560, 840, 560'"),
    (LINE.replace("--Y9imYnfBw_0001", "=cmd"), "line 2, fields: found '=cmd,"),
])  # fmt: skip
def test_errors_name_file_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, LINE, line)
    assert message in str(caught.value)
    assert len(read(tmp_path, LINE, line, skip_errors=True).rows) == 1


def test_a_repeated_clip_is_rejected(tmp_path: Path) -> None:
    rows = read(tmp_path, LINE, LINE).rows
    with pytest.raises(ManifestError, match="is repeated"):
        write_manifest(tmp_path / "m.csv", rows)
