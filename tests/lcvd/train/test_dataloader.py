"""Clips out of shards, and batches."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.face.head import load_head
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.objective import Encoded, Objective, to_signed
from lcvd.model.random_draws import Draws
from lcvd.render.warp import WarpedReference
from lcvd.shard.sample import Sample, read_samples
from lcvd.shard.write import write_shards
from lcvd.train.dataloader import batches, make_batch
from lcvd.train.dataset import Clips
from lcvd.train.sample_order import clip_of, window_of
from tests.lcvd.train.conftest import SIZE, make_sample, tiny


def test_frame_0_of_everything_is_the_reference(shards: Path) -> None:
    settings = tiny().train
    clips = Clips(shards, "train", size=SIZE, memory_mb=100)
    named = make_batch(clips, [4, 9], settings, seed=0)
    for row, sample in enumerate([4, 9]):
        clip = clip_of(0, sample, len(clips))
        assert named.clips[row] == clips.id(clip)
        indices = window_of(0, sample, clips.length(clip), frames=settings.model.frames, stride=settings.stride)
        expected = clips.frame_data(clip, indices)
        np.testing.assert_array_equal(named.batch.frames_BGHW3[row].numpy(), expected.frames)
        np.testing.assert_array_equal(named.batch.hints_BFHW3[row].numpy(), expected.hints)
        np.testing.assert_array_equal(named.batch.mask_BF1hw[row, :, 0].numpy(), expected.masks)
        masks = next(one for one in read_samples(shards, "train") if one.id == named.clips[row]).masks(indices)
        assert torch.equal(named.batch.mask_BF1hw[row], latent_mask(torch.from_numpy(masks)))


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_model_that_wants_it_is_given_the_warped_reference(shards: Path, memory_mb: int) -> None:
    base = tiny().train
    base = base.model_copy(update={"model": base.model.model_copy(update={"warp_reference": False})})
    settings = base.model_copy(update={"model": base.model.model_copy(update={"warp_reference": True})})
    model = LCVD.fresh(settings.model, 0)
    key = prepared_key(model.codec, model.image_encoder, SIZE)
    clips = Clips(shards, "train", size=SIZE, memory_mb=memory_mb, with_codes=True)
    prepared = Clips(shards, "train", size=SIZE, memory_mb=memory_mb, key=key, with_codes=True)
    named = make_batch(clips, [4], settings, seed=0)
    assert named.batch.warped_BFHW3 is not None
    indices = window_of(0, 4, clips.length(clip_of(0, 4, len(clips))), frames=4, stride=settings.stride)
    codes = next(one for one in read_samples(shards, "train") if one.id == named.clips[0]).codes
    first = named.batch.frames_BGHW3[0, 0].numpy()
    expected = WarpedReference(load_head(), first, codes.window(indices[:1]), codes.window(indices[1:]))
    np.testing.assert_array_equal(named.batch.warped_BFHW3[0, 0].numpy(), first)
    np.testing.assert_array_equal(named.batch.warped_BFHW3[0, 1:].numpy(), expected[:])
    again = make_batch(prepared, [4], settings, seed=0).batch.warped_BFHW3
    assert again is not None
    assert torch.equal(again, named.batch.warped_BFHW3)
    assert make_batch(clips, [4], base, seed=0).batch.warped_BFHW3 is None


@torch.no_grad()
def test_a_reference_warped_to_its_own_pose_has_the_loss_of_the_reference(shards: Path) -> None:
    settings = tiny().train
    model = LCVD.fresh(settings.model, 0)
    for parameter in model.adapters.parameters():
        parameter.add_(0.01)
    objective = Objective(model, settings.objective).eval()
    batch = make_batch(Clips(shards, "train", size=SIZE, memory_mb=0), range(4), settings, seed=0).batch
    still = batch.frames_BGHW3[:, :1].expand_as(batch.hints_BFHW3)
    expected = objective(batch)
    model.warp_reference = True
    for found, each in zip(objective(replace(batch, warped_BFHW3=still)), expected, strict=True):
        torch.testing.assert_close(found, each, rtol=1e-4, atol=0)
    for found, each in zip(objective(replace(batch, warped_BFHW3=batch.hints_BFHW3)), expected, strict=True):
        assert (found - each).abs().max() > 1e-5


def test_clips_of_any_length_fill_a_window(shards: Path) -> None:
    """So batches need no sorting by length: those of 5, 20 and 33 frames give 8 each."""
    base = tiny().train
    settings = base.model_copy(update={"model": base.model.model_copy(update={"frames": 8})})
    clips = Clips(shards, "train", size=SIZE, memory_mb=0)
    assert sorted(clips.length(clip) for clip in range(len(clips))) == [5, 20, 33]
    named = make_batch(clips, range(len(clips)), settings, seed=0)
    assert sorted(named.clips) == [clips.id(clip) for clip in range(len(clips))]
    assert named.batch.frames_BGHW3.shape == (3, 8, SIZE, SIZE, 3)
    assert named.batch.mask_BF1hw.shape == (3, 8, 1, SIZE // 8, SIZE // 8)


def test_batches_come_in_order_whatever_the_threads(shards: Path) -> None:
    clips = Clips(shards, "train", size=SIZE, memory_mb=0)
    schedule = [range(2 * i, 2 * i + 2) for i in range(9)]
    runs = []
    for loaders in (1, 3):
        runs.append(list(batches(clips, schedule, tiny(loaders=loaders).train, seed=0)))
    assert [named.samples for named in runs[0]] == [list(samples) for samples in schedule]
    for a, b in zip(*runs, strict=True):
        assert a.samples == b.samples
        assert torch.equal(a.batch.frames_BGHW3, b.batch.frames_BGHW3)
        assert torch.equal(a.batch.draws.noise_BFChw, b.batch.draws.noise_BFChw)


@torch.no_grad()
def test_training_from_prepared_latents_is_training_from_frames_up_to_float16(shards: Path) -> None:
    settings = tiny(batch=2).train
    model = LCVD.fresh(settings.model, 0)
    for parameter in model.adapters.parameters():  # the zeros of a new adapter would hide the reference image
        parameter.add_(0.01)
    objective = Objective(model, settings.objective).eval()
    key = prepared_key(model.codec, model.image_encoder, SIZE)
    for memory in (0, 100):
        pixels = Clips(shards, "train", size=SIZE, memory_mb=memory)
        prepared = Clips(shards, "train", size=SIZE, memory_mb=memory, key=key)
        for samples in (range(0, 2), range(2, 4), range(4, 6)):
            a, b = (make_batch(clips, samples, settings, seed=0).batch for clips in (pixels, prepared))
            assert b.encoded is not None
            assert a.encoded is None
            assert b.frames_BGHW3.shape[1] == 1
            assert torch.equal(b.frames_BGHW3[:, 0], a.frames_BGHW3[:, 0])
            assert torch.equal(b.hints_BFHW3, a.hints_BFHW3)
            assert torch.equal(b.mask_BF1hw, a.mask_BF1hw)
            for field in fields(Draws):
                assert str(getattr(a.draws, field.name)) == str(getattr(b.draws, field.name)), field.name
            signed = to_signed(a.frames_BGHW3)
            says = model.codec.autoencoder.encode(signed.flatten(0, 1)).latent_dist
            rounded = Encoded(
                says.mean.half().unflatten(0, (2, -1)),
                says.std.half().unflatten(0, (2, -1)),
                model.token(signed[:, 0]).half(),
            )
            for found, exact, frames in zip(
                objective(b), objective(replace(a, encoded=rounded)), objective(a), strict=True
            ):
                torch.testing.assert_close(found, exact, rtol=1e-4, atol=0)  # a value may round to the other neighbour
                torch.testing.assert_close(found, frames, rtol=2e-3, atol=0)
                assert not torch.equal(found, frames)


def test_lights_are_balanced_by_the_codes_in_the_shards(tmp_path: Path) -> None:
    """Nine clips lit from the left and one from the right: at strength 1 it comes as often as all the others."""

    def lit(id: str, x: float) -> Sample:
        made = make_sample(tmp_path / id, id, 3)
        light = np.zeros((3, 9, 3), np.float32)
        light[:, 0], light[:, 1] = 1, x
        made.codes.replace(light=light).save(tmp_path / id / "codes.safetensors", {})
        return Sample(
            id, made.parts | {"codes.safetensors": (tmp_path / id / "codes.safetensors").read_bytes()}, "test"
        )

    samples = {f"c{i}": lit(f"c{i}", 1 if i == 4 else -1) for i in range(10)}
    write_shards(tmp_path / "shards", "train", samples, samples.__getitem__, max_mb=0.05)

    def clips(strength: float) -> Clips:
        return Clips(tmp_path / "shards", "train", size=SIZE, memory_mb=0, balance_light=strength)

    assert clips(0).weights is None
    even = clips(1)
    assert even.weights == pytest.approx([1 if i == 4 else 1 / 9 for i in range(10)])
    settings = tiny().train
    drawn = [make_batch(even, [sample], settings, seed=0).clips[0] for sample in range(20)]
    assert 9 <= drawn.count("c4") <= 11
    assert drawn == [even.id(clip_of(0, sample, 10, even.weights)) for sample in range(20)]
    assert clips(0.5).weights[4] == pytest.approx(1)
    assert clips(0.5).weights[0] == pytest.approx(1 / 3)
