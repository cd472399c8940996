"""The final model's loss on fixed windows, noises and noise levels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lcvd.config.train import TrainSettings
from lcvd.model.objective import Objective
from lcvd.model.seeds import seed_of
from lcvd.shards.sample import read_index
from lcvd.training.clips import Clips
from lcvd.training.data import make_batch, moved


@torch.inference_mode()
def validate(objective: Objective, shards: Path, settings: TrainSettings, seed: int) -> dict[str, Any]:
    """Mean error of the v-prediction over everything, and inside the portrait, all conditions on and nothing dropped.

    Noise levels are the quantiles of the training distribution, so few windows measure well. Uses the split `val`;
    where there is none, the training split, and the result says so.
    """
    shared = read_index(shards, "val")["samples"] == 0
    split = "train" if shared else "val"
    clips = Clips(shards, split, size=settings.model.size, memory_mb=0)
    count, sums = settings.validation_windows, torch.zeros(2)
    normal = torch.special.ndtri((torch.arange(count, dtype=torch.float64) + 0.5) / count).float()
    for number in range(count):
        batch = make_batch(clips, [number], settings, seed_of(seed, "validation")).batch
        sigma = (settings.objective.sigma_mean + settings.objective.sigma_std * normal[number : number + 1]).exp()
        on = torch.ones(1)
        draws = replace(
            batch.draws,
            sigma_B=sigma,
            token_on_B=on,
            latent_on_B=on,
            gates=dict.fromkeys(batch.draws.gates, on),
        )
        ldm, portrait = objective(moved(replace(batch, draws=draws), objective.model.device))
        sums += torch.stack([ldm.sum(), portrait.sum()]).cpu()
    return {
        "v_mse": float(sums[0]) / count,
        "v_mse_portrait": float(sums[1]) / count,
        "split": split,
        "shared_with_training": shared,
        "windows": count,
    }
