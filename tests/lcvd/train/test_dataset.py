"""Clips of a split, read from shards."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.shard.latents_format import Key
from lcvd.shard.sample import LATENTS, Sample, read_samples
from lcvd.shard.write import write_shards
from lcvd.train.dataset import Clips
from tests.lcvd.train.conftest import SIZE, tiny


def test_clips_are_what_the_shards_hold(shards: Path) -> None:
    held, lazy = (Clips(shards, "train", size=SIZE, memory_mb=mb, threads=2) for mb in (100, 0))
    samples = {sample.id: sample for sample in read_samples(shards, "train")}
    assert [held.id(i) for i in range(len(held))] == sorted(samples)
    for i in range(len(held)):
        sample, at = samples[held.id(i)], [3, 0, 3, 4]
        for clips in (held, lazy):
            assert clips.length(i) == sample.meta.frames
            pictures = clips.frame_data(i, at)
            np.testing.assert_array_equal(pictures.frames, sample.frames()[at])
            np.testing.assert_array_equal(pictures.hints, sample.hints()[at])
            np.testing.assert_array_equal(pictures.masks, sample.masks()[at][:, ::8, ::8] // 255)


def test_smaller_models_get_smaller_pictures_and_larger_ones_an_error(shards: Path) -> None:
    pictures = Clips(shards, "train", size=32, memory_mb=0).frame_data(0, [0, 1])
    assert pictures.frames.shape == (2, 32, 32, 3)
    assert pictures.masks.shape == (2, 4, 4)
    assert set(np.unique(pictures.masks)) == {0, 1}
    with pytest.raises(ValueError, match=r"disc-a: 64 px, below train\.model\.size \(128\)"):
        Clips(shards, "train", size=128, memory_mb=0)


def test_an_empty_split_says_where_to_look(shards: Path) -> None:
    with pytest.raises(ValueError, match="no clips; see the ledgers"):
        Clips(shards, "val", size=SIZE, memory_mb=0)


def test_latents_of_another_model_size_or_crop_are_refused_by_name(shards: Path, tmp_path: Path) -> None:
    model = LCVD.fresh(tiny().train.model, 0)
    key = prepared_key(model.codec, model.image_encoder, SIZE)
    other = LCVD.fresh(tiny().train.model, 1)

    def clips(folder: Path, key: Key) -> Clips:
        return Clips(folder, "train", size=SIZE, memory_mb=0, key=key)

    with pytest.raises(
        ValueError, match=r"train-000000\.tar: sample disc-a: .* of another image_encoder .*dvc repro shard"
    ):
        clips(shards, prepared_key(model.codec, other.image_encoder, SIZE))
    with torch.no_grad():
        other.codec.autoencoder.encoder.conv_in.weight[0, 0, 0, 0] += 1e-6
    with pytest.raises(ValueError, match=r"of another autoencoder .*train\.prepared: false"):
        clips(shards, prepared_key(other.codec, model.image_encoder, SIZE))
    with pytest.raises(ValueError, match=r"of another size \(64, not 32\)"):
        clips(shards, replace(key, size=32))
    samples = {sample.id: sample for sample in read_samples(shards, "train")}
    one = samples["disc-a"]
    changed = {
        "square": one.parts | {"codes.safetensors": moved_codes(one, tmp_path)},
        "fps": one.parts | {"meta.json": replace(one.meta, fps=12.0).to_json()},
        "sha256": one.parts | {"meta.json": replace(one.meta, sha256="1" * 64).to_json()},
    }
    for name, parts in changed.items():
        write_shards(tmp_path / name, "train", ["disc-a"], lambda _, parts=parts: Sample("disc-a", parts, "test"), 1.0)
        with pytest.raises(ValueError, match=rf"sample disc-a: prepared latents of another {name} "):
            clips(tmp_path / name, key)
    without = {name: data for name, data in one.parts.items() if name != LATENTS}
    write_shards(tmp_path / "without", "train", ["disc-a"], lambda _: Sample("disc-a", without, "test"), 1.0)
    with pytest.raises(ValueError, match=r"sample disc-a: no prepared latents: set shard\.prepare: true"):
        clips(tmp_path / "without", key)
    assert len(Clips(tmp_path / "without", "train", size=SIZE, memory_mb=0)) == 1


def moved_codes(sample: Sample, folder: Path) -> bytes:
    """The sample's face codes with another square."""
    sample.codes.replace(square=sample.codes.square + 1).save(folder / "moved", {})
    return (folder / "moved").read_bytes()
