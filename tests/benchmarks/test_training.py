"""Both loaders timed by the benchmark give the same sample."""

from pathlib import Path

import torch

from benchmarks.training import FRAMES, ClipImages, read_published, write_ours, write_published
from lcvd.config.profiles import profile
from lcvd.train.dataloader import make_batch
from lcvd.train.dataset import Clips
from lcvd.train.sample_order import window_of

SIZE = 128


def test_our_loader_and_the_published_one_give_the_same_sample(tmp_path: Path) -> None:
    pictures = ClipImages.of(SIZE)
    settings = profile("paper").train
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"size": SIZE})})
    published = write_published(tmp_path / "published", pictures)
    key = write_ours(tmp_path / "ours", pictures, 4, None)
    window = window_of(0, 3, FRAMES, frames=settings.model.frames, stride=settings.stride)
    frames, _, mask, hints = read_published(published, window)
    for wanted in (None, key):
        batch = make_batch(
            Clips(tmp_path / "ours", "train", size=SIZE, memory_mb=0, key=wanted), [3], settings, 0
        ).batch
        ours = batch.frames_BGHW3[0].permute(0, 3, 1, 2) / 127.5 - 1
        assert (ours - frames[: len(ours)]).abs().mean() < 0.06
        assert (batch.hints_BFHW3[0].permute(0, 3, 1, 2) / 255 - hints).abs().mean() < 0.03
        assert (batch.mask_BF1hw[0] != mask).float().mean() < 0.02
        assert torch.equal(
            batch.mask_BF1hw[0, :, 0], torch.from_numpy(pictures.masks[window][:, ::8, ::8] / 255.0).float()
        )
