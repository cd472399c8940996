"""The held-out loss, on fixed windows with fixed noise, at fixed quantiles of the training noise levels."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from lcvd.config.train import TrainSettings
from lcvd.model.objective import Objective
from lcvd.model.seeds import seed_of
from lcvd.shard.latents_format import Key
from lcvd.shard.sample import read_index
from lcvd.train.collectives import add_up
from lcvd.train.dataloader import make_batch, moved
from lcvd.train.dataset import Clips

BANDS = 4
"""Number of noise-level bands whose loss is reported separately."""


@dataclass(frozen=True)
class Measured:
    """L_LDM and L_p of each window, in order of increasing noise level."""

    sigma_W: Tensor
    losses_W2: Tensor

    def loss(self, portrait_weight: float) -> float:
        """Return the training objective."""
        return float(self.losses_W2[:, 0].mean() + portrait_weight * self.losses_W2[:, 1].mean())

    def bands(self) -> list[dict[str, float]]:
        """Return for each noise-level band its largest sigma and the mean L_LDM."""
        groups = zip(self.sigma_W.tensor_split(BANDS), self.losses_W2[:, 0].tensor_split(BANDS), strict=True)
        return [{"to_sigma": float(sigma[-1]), "v_mse": float(ldm.mean())} for sigma, ldm in groups if len(sigma)]


class HeldOut:
    """Windows of the split `val`, or of the training split if `val` is empty (then `shared` is True).

    `key` is the key of the prepared latents to measure on; None encodes frames instead.
    """

    def __init__(self, shards: Path, settings: TrainSettings, seed: int, key: Key | None = None) -> None:
        self._settings, self._seed = settings, seed_of(seed, "validation")
        self.shared = read_index(shards, "val")["samples"] == 0
        self.split = "train" if self.shared else "val"
        self.clips = Clips(
            shards,
            self.split,
            size=settings.model.size,
            memory_mb=0,
            key=key,
            with_codes=settings.model.warp_reference,
            max_broken=settings.max_broken,
        )

    @torch.no_grad()
    def measure(self, objective: Objective) -> Measured:
        """Return the errors of the v-prediction over the whole frame and inside the portrait, with all conditions enabled.

        Every process must call this and computes its share of the windows. The result doesn't depend on their number.
        """
        count = self._settings.watch.held_out_windows
        rank, world = distributed.get_rank(), distributed.get_world_size()
        normal = torch.special.ndtri((torch.arange(count, dtype=torch.float64) + 0.5) / count).float()
        sigma = (self._settings.objective.sigma_mean + self._settings.objective.sigma_std * normal).exp()
        losses = torch.zeros(count, 2, device=objective.model.device)
        was_training = objective.training
        objective.eval()
        # ZeRO 3 needs the same number of calls in every process, so surplus ones repeat a window.
        for first in range(0, count, world):
            window = min(first + rank, count - 1)
            row = self._window(objective, window, sigma[window : window + 1])
            if first + rank < count:
                losses[window] = row
        objective.train(was_training)
        return Measured(sigma, add_up(losses).cpu())

    def _window(self, objective: Objective, number: int, sigma: Tensor) -> Tensor:
        batch = make_batch(self.clips, [number], self._settings, self._seed).batch
        on = torch.ones(1)
        draws = replace(
            batch.draws,
            sigma_B=sigma,
            token_on_B=on,
            latent_on_B=on,
            gates=dict.fromkeys(batch.draws.gates, on),
        )
        ldm, portrait = objective(moved(replace(batch, draws=draws), objective.model.device))
        return torch.cat([ldm, portrait])

    def numbers(self, measured: Measured) -> dict[str, Any]:
        """Return the numbers for ``metrics.json``."""
        ldm, portrait = measured.losses_W2.mean(0).tolist()
        return {
            "v_mse": ldm,
            "v_mse_portrait": portrait,
            "by_noise": measured.bands(),
            "split": self.split,
            "shared_with_training": self.shared,
            "windows": len(measured.sigma_W),
        }
