import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcvd.cache.store import Cache
from lcvd.face.head import load_head
from lcvd.face.square import resize_masks, square_pictures
from lcvd.ledger.rows import failed
from lcvd.reconstruct.archive import MASK, Packs
from lcvd.render.hints import hints_of
from lcvd.shard.sample import read_samples
from lcvd.shard.stage import pack_samples, shard_chunk
from lcvd.video.decode import frames
from lcvd.video.encode import read_lossless


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean()))


def test_from_the_source_to_a_sample_and_back(made: Any, tmp_path: Path) -> None:
    rows = pack_samples(made.rows, made.cache, tmp_path, made.settings)
    clips = {clip.id: clip for clip in made.clips}
    size, packs = made.settings.size, Packs(made.reconstruct)
    seen = [sample for split in ("train", "val", "test") for sample in read_samples(tmp_path, split)]
    assert sorted(sample.id for sample in seen) == ["carphone", "second"]
    for sample in seen:
        clip = clips[sample.id]
        codes = packs.codes(clip.id)
        true = np.concatenate([square_pictures(window, codes.square, size) for window in frames(clip)])
        assert sample.meta.frames == clip.frames == len(true)
        assert sample.meta.fps == clip.fps
        assert sample.meta.start == clip.start
        assert psnr(sample.frames(), true) >= 42  # visually lossless, all three channels
        windows = list(sample.windows(range(3, 14), 4))
        assert [len(window) for window in windows] == [4, 4, 3]
        np.testing.assert_array_equal(np.concatenate(windows), sample.frames(range(3, 14)))
        hints = np.concatenate(list(hints_of(load_head(codes.head), codes, size)))
        np.testing.assert_array_equal(sample.hints(), hints)
        masks = resize_masks(read_lossless(packs.part(clip.id, MASK)), size)
        np.testing.assert_array_equal(sample.masks(), masks)
        assert sample.codes.light.tobytes() == codes.light.tobytes()
        for part in (sample.frames, sample.hints, sample.masks):
            np.testing.assert_array_equal(part([7, 3, 3]), part()[[7, 3, 3]])
    assert all(row.status == "kept" and "key" not in row.fields for row in rows)
    assert {row.fields["shard"] for row in rows} == {"train-000000.tar", "test-000000.tar"}
    told = json.loads((tmp_path / "splits.json").read_text())
    assert told["shared"] is False
    assert set(told["identities"]) == {"man", "twin"}
    assert sorted(told["clips"].values()) == [["test"], ["train"]]


def test_a_sample_is_small(made: Any) -> None:
    """128 x 128, 20 frames: raw pictures, hints and masks would be 2.3 MB."""
    for row in made.rows:
        assert row.fields["bytes"] < 1_000_000


def test_the_same_bytes_again(made: Any, tmp_path: Path) -> None:
    """From an empty cache, in another process, folder, locale and time zone."""
    pack_samples(made.rows, made.cache, tmp_path / "a", made.settings)
    script = """
import pickle, sys
from pathlib import Path
from lcvd.cache.store import Cache
from lcvd.shard.stage import pack_samples, shard_chunk
clips, reconstruct, settings, out = pickle.loads(Path(sys.argv[1]).read_bytes())
cache = Cache(out / "cache")
rows = shard_chunk(list(reversed(clips)), reconstruct, cache, settings)
pack_samples(rows, cache, out / "b", settings)
"""
    import pickle

    work = tmp_path / "work.pickle"
    work.write_bytes(pickle.dumps((made.clips, made.reconstruct, made.settings, tmp_path)))
    environment = {**os.environ, "LC_ALL": "C", "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7"}
    path = str(Path(__file__).resolve().parents[3])
    environment["PYTHONPATH"] = path
    subprocess.run([sys.executable, "-c", script, str(work)], check=True, cwd=tmp_path, env=environment)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_cached_sample_is_not_made_again(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcvd.shard.stage._make", lambda *_: pytest.fail("made again"))
    assert shard_chunk(made.clips, made.reconstruct, made.cache, made.settings) == made.rows


def test_what_is_missing_is_named(made: Any, tmp_path: Path) -> None:
    lost = dataclasses.replace(made.clips[0], id="lost")
    (row,) = shard_chunk([lost], made.reconstruct, made.cache, made.settings)
    assert (row.status, row.reason) == ("failed", "not_reconstructed")
    assert "lost.codes.safetensors" in row.detail
    with pytest.raises(FileNotFoundError, match="run `dvc repro shard`"):
        pack_samples(made.rows, Cache(tmp_path / "empty"), tmp_path / "out", made.settings)
    with pytest.raises(ValueError, match="no clips to split"):
        pack_samples([row], made.cache, tmp_path / "out", made.settings)


def test_failed_rows_stay_and_one_person_is_shared(made: Any, tmp_path: Path) -> None:
    rows = [failed("broken", "no_face", "nothing"), made.rows[0]]
    packed = pack_samples(rows, made.cache, tmp_path, made.settings)
    assert packed[0] == rows[0]
    assert packed[1].fields["split"] == "train+test"
    assert packed[1].fields["shard"] == "train-000000.tar+test-000000.tar"
    assert json.loads((tmp_path / "splits.json").read_text())["shared"] is True
    for split in ("train", "test"):
        (sample,) = read_samples(tmp_path, split)
        assert sample.meta.split == split
    assert list(read_samples(tmp_path, "val")) == []
