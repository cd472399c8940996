"""Clips out of shards, and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.model.masks import latent_mask
from lcvd.shards.sample import read_samples
from lcvd.training.clips import Clips
from lcvd.training.data import batches, make_batch
from lcvd.training.order import clip_of, window_of
from tests.lcvd.training.conftest import SIZE, tiny


def test_clips_are_what_the_shards_hold(shards: Path) -> None:
    held, lazy = (Clips(shards, "train", size=SIZE, memory_mb=mb, threads=2) for mb in (100, 0))
    samples = {sample.id: sample for sample in read_samples(shards, "train")}
    assert [held.id(i) for i in range(len(held))] == sorted(samples)
    for i in range(len(held)):
        sample, at = samples[held.id(i)], [3, 0, 3, 4]
        for clips in (held, lazy):
            assert clips.length(i) == sample.meta.frames
            pictures = clips.pictures(i, at)
            np.testing.assert_array_equal(pictures.frames, sample.frames()[at])
            np.testing.assert_array_equal(pictures.hints, sample.hints()[at])
            np.testing.assert_array_equal(pictures.masks, sample.masks()[at])


def test_smaller_models_get_smaller_pictures_and_larger_ones_an_error(shards: Path) -> None:
    pictures = Clips(shards, "train", size=32, memory_mb=0).pictures(0, [0, 1])
    assert pictures.frames.shape == (2, 32, 32, 3)
    assert set(np.unique(pictures.masks)) == {0, 255}
    with pytest.raises(ValueError, match=r"disc-a is 64 px, train\.model\.size asks for 128"):
        Clips(shards, "train", size=128, memory_mb=0)


def test_an_empty_split_says_where_to_look(shards: Path) -> None:
    with pytest.raises(ValueError, match="no clips; see the ledgers"):
        Clips(shards, "val", size=SIZE, memory_mb=0)


def test_frame_0_of_everything_is_the_reference(shards: Path) -> None:
    settings = tiny().train
    clips = Clips(shards, "train", size=SIZE, memory_mb=100)
    named = make_batch(clips, [4, 9], settings, seed=0)
    for row, sample in enumerate([4, 9]):
        clip = clip_of(0, sample, len(clips))
        assert named.clips[row] == clips.id(clip)
        indices = window_of(0, sample, clips.length(clip), frames=settings.model.frames, stride=settings.stride)
        expected = clips.pictures(clip, indices)
        np.testing.assert_array_equal(named.batch.frames_BFHW3[row].numpy(), expected.frames)
        np.testing.assert_array_equal(named.batch.hints_BFHW3[row].numpy(), expected.hints)
        assert torch.equal(named.batch.mask_BF1hw[row], latent_mask(torch.from_numpy(expected.masks)))


def test_batches_come_in_order_whatever_the_threads(shards: Path) -> None:
    clips = Clips(shards, "train", size=SIZE, memory_mb=0)
    schedule = [range(2 * i, 2 * i + 2) for i in range(9)]
    runs = []
    for loaders in (1, 3):
        runs.append(list(batches(clips, schedule, tiny(loaders=loaders).train, seed=0)))
    assert [named.samples for named in runs[0]] == [list(samples) for samples in schedule]
    for a, b in zip(*runs, strict=True):
        assert a.samples == b.samples
        assert torch.equal(a.batch.frames_BFHW3, b.batch.frames_BFHW3)
        assert torch.equal(a.batch.draws.noise_BFChw, b.batch.draws.noise_BFChw)


def test_latent_mask_binarises_then_takes_the_nearest() -> None:
    mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
    mask[0, 0, 0], mask[0, 0, 8], mask[0, 8, 9] = 128, 127, 255
    assert latent_mask(mask)[0, 0].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert torch.equal(latent_mask(mask > 127), latent_mask(mask))
