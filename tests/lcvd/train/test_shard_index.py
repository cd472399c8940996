"""Damaged shards: what is broken is named, counted and left out, and changes no other sample."""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.render.hints import hints_of
from lcvd.shard.latents_format import Key
from lcvd.shard.sample import LATENTS, PARTS, Sample, read_samples, shard_paths
from lcvd.shard.write import write_shards
from lcvd.train.dataloader import batches, make_batch
from lcvd.train.dataset import Clips
from lcvd.train.sample_order import clips_of
from lcvd.video.encode import write_lossless
from tests.lcvd.train.conftest import SIZE, tiny

Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
}


@pytest.fixture(scope="module")
def key() -> Key:
    model = LCVD.fresh(tiny().train.model, tiny().seed)
    return prepared_key(model.codec, model.image_encoder, SIZE)


def clips(folder: Path, memory_mb: int = 0, max_broken: float = 0.4, key: Key | None = None) -> Clips:
    return Clips(folder, "train", size=SIZE, memory_mb=memory_mb, key=key, max_broken=max_broken)


def test_hints_are_rendered_to_the_bytes_that_were_stored(shards: Path, tmp_path: Path) -> None:
    sample = next(read_samples(shards, "train"))
    with tempfile.TemporaryDirectory() as folder:
        codes = sample.codes
        turn = np.linspace(-0.4, 0.4, codes.frames)
        codes = codes.replace(
            identity=np.zeros(len(load_head().identity_basis), np.float32),
            pose=np.stack([0 * turn, turn, 0 * turn], -1).astype(np.float32),
            camera=np.tile(np.array([1.2, 0, 0], np.float32), (codes.frames, 1)),
            light=np.tile(preset("left"), (codes.frames, 1, 1)),
        )
        codes.save(Path(folder) / "codes.safetensors", {})
        write_lossless(Path(folder) / "hints.mkv", hints_of(load_head(), codes, SIZE), 25.0)
        parts = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    made = Sample(sample.id, sample.parts | parts, "test")
    write_shards(tmp_path, "train", [made.id], lambda id: made, max_mb=8.0)
    stored, rendered = (
        Clips(tmp_path, "train", size=SIZE, memory_mb=0, render=render).frame_data(0, [3, 0, 3])
        for render in (False, True)
    )
    assert stored is not None
    assert rendered is not None
    assert stored.hints.max() > 100
    assert np.array_equal(stored.hints, rendered.hints)


def damaged(shards: Path, folder: Path, part: str, damage: Damage, id: str = "disc-b2") -> Path:
    """A copy of the shards with one part of one sample damaged, in complete archives."""
    samples = {sample.id: sample for sample in read_samples(shards, "train")}

    def load(name: str) -> Sample:
        parts = samples[name].parts
        return Sample(name, {**parts, part: damage(parts[part])} if name == id else parts, "test")

    if part == "meta.json":  # `Sample` wouldn't take it
        return tampered(shards, folder, f"{id}.{part}", damage)
    write_shards(folder, "train", samples, load, max_mb=0.01)
    return folder


def tampered(shards: Path, folder: Path, member: str, damage: Damage) -> Path:
    """A copy of the shards whose archive holds other bytes for one member."""
    shutil.copytree(shards / "train", folder / "train")
    for path in shard_paths(folder, "train"):
        with tarfile.open(path) as tar:
            found = {info.name: info for info in tar}
        if member in found:
            raw = bytearray(path.read_bytes())
            place = slice(found[member].offset_data, found[member].offset_data + found[member].size)
            raw[place] = damage(bytes(raw[place])).ljust(found[member].size, b" ")
            path.chmod(0o644)
            path.write_bytes(bytes(raw))
    return folder


@pytest.mark.parametrize("part", PARTS[1:])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_part_that_doesnt_decode_breaks_its_clip_alone(
    shards: Path, tmp_path: Path, part: str, damage: str, memory_mb: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings, whole = tiny().train, clips(shards)
    found = clips(damaged(shards, tmp_path, part, DAMAGES[damage]), memory_mb)
    assert [found.id(i) for i in range(3)] == [whole.id(i) for i in range(3)]
    replaced = 0
    for sample in range(9):
        expected, batch = (make_batch(each, [sample], settings, seed=0) for each in (whole, found))
        if expected.clips != ["disc-b2"]:
            assert batch.clips == expected.clips
            assert (batch.batch.frames_BGHW3 == expected.batch.frames_BGHW3).all()
            continue
        replaced += 1
        assert batch.clips == [whole.id(list(clips_of(0, sample, 3))[1])]
        assert (batch.batch.draws.noise_BFChw == expected.batch.draws.noise_BFChw).all()
    assert replaced == 3, "one an epoch"
    assert list(found.broken) == ["disc-b2"]
    (message,) = (record.getMessage() for record in caplog.records if record.name == "lcvd.train.dataset")
    assert "broken clip disc-b2 left out (1 of 3 so far)" in message
    assert ".tar: sample disc-b2: " in message


@pytest.mark.parametrize("damage", [lambda data: bytes(len(data)), lambda data: data[:-40] + b"\xff" * 40])
def test_prepared_latents_that_are_damaged(shards: Path, tmp_path: Path, key: Key, damage: Damage) -> None:
    """Zeros have no header; the mask at the end consists of zeros and ones."""
    folder = tampered(shards, tmp_path, f"disc-b2.{LATENTS}", damage)
    found = clips(folder, 100, key=key)
    assert list(found.broken) == ["disc-b2"]
    assert LATENTS in found.broken["disc-b2"] or "prepared latents" in found.broken["disc-b2"]
    assert not clips(folder, 100).broken, "frames are intact"


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.97])
@pytest.mark.parametrize("prepared", [False, True])
def test_a_torn_archive_breaks_what_it_no_longer_holds(
    shards: Path, tmp_path: Path, key: Key, share: float, prepared: bool
) -> None:
    samples = {sample.id: sample for sample in read_samples(shards, "train")}
    write_shards(tmp_path, "train", samples, samples.__getitem__, max_mb=100)  # all clips in one archive
    (path,) = shard_paths(tmp_path, "train")
    with tarfile.open(path) as tar:
        ends = {id: max(i.offset_data + i.size for i in tar if i.name.startswith(f"{id}.")) for id in samples}
    keep = int(path.stat().st_size * share)
    path.write_bytes(path.read_bytes()[:keep])
    lost = [id for id, end in ends.items() if end > keep]
    assert lost
    with pytest.raises(ValueError, match=r"1 of 3 clips are broken, more than train\.max_broken \(0\) allows: disc-"):
        clips(tmp_path, max_broken=0, key=key if prepared else None)
    if len(lost) == 3:
        with pytest.raises(ValueError, match="3 of 3 clips are broken"):
            clips(tmp_path, max_broken=0.9, key=key if prepared else None)
        return
    found = clips(tmp_path, max_broken=0.9, key=key if prepared else None)
    if prepared:
        assert sorted(found.broken) == lost
    assert set(found.broken) <= set(lost)
    for i in range(3):
        if not found.is_broken(i):
            pictures = found.frame_data(i, [0, 4])
            assert pictures is not None
            np.testing.assert_array_equal(pictures.hints, samples[found.id(i)].hints([0, 4]))


def test_too_many_broken_clips_stop_the_loader(shards: Path, tmp_path: Path) -> None:
    """Found while training: the first is left out, the second is one too many."""
    one = damaged(shards, tmp_path / "one", "hints.mkv", DAMAGES["cut"])
    both = damaged(one, tmp_path / "both", "frames.mp4", DAMAGES["zeros"], id="disc-a")
    schedule = [[sample] for sample in range(9)]
    assert len(list(batches(clips(one), schedule, tiny().train, seed=0))) == 9
    with pytest.raises(
        ValueError, match=r"2 of 3 clips are broken, more than train\.max_broken \(0\.4\) allows: disc-a, disc-b2"
    ):
        list(batches(clips(both), schedule, tiny(loaders=2).train, seed=0))


def test_a_clip_that_isnt_listed_is_refused(shards: Path, tmp_path: Path) -> None:
    folder = tampered(shards, tmp_path, "none", bytes)
    index = folder / "train" / "index.json"
    index.chmod(0o644)
    index.write_text(index.read_text().replace('"disc-a"', ""))
    with pytest.raises(ValueError, match=r"train-000000\.tar: holds disc-a, which its index doesn't list"):
        clips(folder)
