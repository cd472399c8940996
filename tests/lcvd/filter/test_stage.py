"""Stage `filter` on real and bad clips of the download stage."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lcvd.face.track import face_track
from lcvd.filter import measure as measure_module
from lcvd.filter.stage import filter_chunk, kept_clips
from lcvd.ledger.rows import kept, write_ledger
from lcvd.video.decode import frames


@pytest.fixture
def clips(carphone, clip_from):
    """A good clip, one of noise, one of 10 frames, and one whose file is gone."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 96, 96, 3), dtype=np.uint8)
    found = [clip_from(carphone[:24], "good"), clip_from(noise, "noise"), clip_from(carphone[:10], "short")]
    return [*found, dataclasses.replace(found[0], id="gone", media=Path("/nowhere/gone.mp4"), sha256="0")]


def test_every_clip_gets_a_row(clips, cache, settings) -> None:
    rows = {row.id: row for row in filter_chunk(clips, cache, settings)}
    assert {id: row.reason for id, row in rows.items()} == {
        "good": "", "noise": "no_face", "short": "too_short", "gone": "missing_file"}  # fmt: skip
    assert rows["gone"].status == "failed"
    assert rows["short"].score == 10
    assert rows["short"].fields["threshold"] == 16
    assert "at least 16 required" in rows["short"].detail
    assert 48 <= rows["good"].fields["face_px"] < 100


def test_changing_a_threshold_uses_the_cached_measurements(clips, cache, settings, monkeypatch) -> None:
    first = filter_chunk(clips[:1], cache, settings)
    monkeypatch.setattr(measure_module, "_measure", lambda *_: pytest.fail("measured again"))
    stricter = settings.model_copy(update={"thresholds": settings.thresholds.model_copy(update={"min_face_px": 400.0})})
    assert first[0].status == "kept"
    assert filter_chunk(clips[:1], cache, stricter)[0].reason == "face_small"


def test_two_runs_give_the_same_ledger(clips, cache, settings, tmp_path) -> None:
    ledgers = []
    for name in ("one", "two"):
        write_ledger(tmp_path / name / "ledger.parquet", filter_chunk(clips, type(cache)(tmp_path / name), settings))
        ledgers.append((tmp_path / name / "ledger.parquet").read_bytes())
    assert ledgers[0] == ledgers[1]


def test_kept_clips_are_cut_to_their_shot_and_their_track_is_cached(
    carphone, clip_from, cache, settings, tmp_path
) -> None:
    still = np.repeat(255 - carphone[:1, ::-1], 12, axis=0)
    clip = clip_from(np.concatenate([still, carphone[:24]]))
    write_ledger(tmp_path / "filter" / "ledger.parquet", filter_chunk([clip], cache, settings))
    row = kept(clip.id, identity="a", media=clip.media.name, sha256=clip.sha256, start=0, stop=36, fps=25.0, width=176,
               height=144, crop=None, licence="", address="")  # fmt: skip
    write_ledger(tmp_path / "download" / "ledger.parquet", [row])
    (tmp_path / "download" / "media").mkdir()
    clip.media.rename(tmp_path / "download" / "media" / clip.media.name)

    cut = kept_clips(tmp_path / "download", tmp_path / "filter")[0]
    assert (cut.start, cut.stop, cut.frames) == (12, 36, 24)
    before = sorted(cache.root.rglob("*"))
    track = face_track(cut, cache, settings.track)
    assert sorted(cache.root.rglob("*")) == before
    assert track.present.all()
    again = face_track(cut, type(cache)(tmp_path / "fresh"), settings.track)
    np.testing.assert_array_equal(again.landmarks, track.landmarks)
    window = next(frames(cut))
    assert len(window) == 24
    assert np.abs(window[0].astype(int) - carphone[0]).mean() < 3


def test_max_frames_uses_the_start_of_the_track(carphone, clip_from, cache, settings) -> None:
    fewer = settings.track.model_copy(update={"max_frames": 16})
    clip = clip_from(carphone[:24])
    row = filter_chunk([clip], cache, settings.model_copy(update={"track": fewer}))[0]
    assert row.fields["shot"] == [0, 16]
    before = sorted(cache.root.rglob("*"))
    track = face_track(clip.part(0, 16), cache, fewer)
    assert sorted(cache.root.rglob("*")) == before
    whole = face_track(clip, cache, settings.track)
    np.testing.assert_array_equal(whole.landmarks[:16], track.landmarks)


def without_a_face(frames: np.ndarray, start: int, stop: int) -> np.ndarray:
    """The frames with frames `start` to `stop` replaced by plain grey."""
    changed = frames.copy()
    changed[start:stop] = 90
    return changed


def test_short_gaps_are_interpolated_and_long_ones_split_the_clip(
    carphone, clip_from, cache, settings, monkeypatch
) -> None:
    one_shot = settings.model_copy(update={"shot_threshold": 1000.0})
    clips = [
        clip_from(without_a_face(carphone, 30, 33), "short"),
        clip_from(without_a_face(carphone, 4, 16), "long"),
        clip_from(without_a_face(carphone, 12, 28), "torn"),
        clip_from(without_a_face(carphone, 37, 40), "end"),
    ]
    rows = {row.id: row for row in filter_chunk(clips, cache, one_shot)}
    assert {id: row.reason for id, row in rows.items()} == {"short": "", "long": "", "torn": "face_lost", "end": ""}
    gap = rows["short"].fields["gaps"][0]  # the tracker may need a frame to find the face again
    assert rows["short"].fields["part"] == [0, 40]
    assert rows["short"].fields["bridged"] == gap[1] - gap[0] >= 3
    start, stop = rows["long"].fields["part"]
    assert 16 <= start <= 18
    assert (stop, rows["long"].fields["bridged"]) == (40, 0)
    assert rows["torn"].score == 12
    assert "a gap of more than 8 frames in the face track has 12 of 40 frames, at least 16" in rows["torn"].detail
    assert rows["end"].fields["part"] == [0, 37]
    monkeypatch.setattr(measure_module, "_measure", lambda *_: pytest.fail("measured again"))
    longer = one_shot.thresholds.model_copy(update={"max_gap": 20, "min_face_share": 0.5})
    again = filter_chunk(clips, cache, one_shot.model_copy(update={"thresholds": longer}))
    assert [row.fields["part"] for row in again[:3]] == [[0, 40]] * 3
