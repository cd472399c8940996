"""The model under sets of conditions, as the sampler asks for it.

Shape suffixes: R rows, T frames of a window, C latent channels, h w latent sides, D token width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lcvd.model.conditions import Conditions
from lcvd.model.lcvd import CONDITIONS, LCVD
from lcvd.model.objective import network_input
from lcvd.model.sampler import FULL, Rows


class Conditioned:
    """The model under each of the sets of conditions; rows go to the device and back.

    Args:
        conditions: features of the whole video.
        sets: names of the conditions of y1, y2 and y3 (`sampler.WEAKER`, `FULL`, `UNLIKE`).
        tokens: image tokens (3,1,D) of the same. condition: latent (1,C,h,w) of the reference. ids: time ids (1,3).
    """

    def __init__(
        self,
        model: LCVD,
        device: torch.device,
        conditions: Conditions,
        sets: Sequence[set[str]],
        *,
        tokens: Tensor,
        condition: Tensor,
        ids: Tensor,
    ) -> None:
        self._model, self._device, self._conditions = model, device, conditions
        self._tokens, self._condition, self._ids = tokens, condition, ids
        self._gates = {
            name: torch.tensor([float(name in chosen) for chosen in sets], device=device, dtype=model.unet.dtype)
            for name in CONDITIONS
            if name in set().union(*sets)
        }

    def __call__(self, scaled_RTChw: Tensor, timestep: Tensor, rows: Rows) -> Tensor:
        """v-predictions (R,T,C,h,w) float32, where the input is."""
        count, which = len(rows.set_R), rows.set_R.to(self._device)
        scaled = scaled_RTChw.to(self._device, self._model.unet.dtype)
        x = network_input(scaled, self._condition.expand(count, -1, -1, -1))
        gates = {name: gate[which] for name, gate in self._gates.items()}
        time = timestep.to(self._device).expand(count)
        features = self._conditions.of(rows.frames_RT)
        output = self._model(x, time, self._tokens[which], self._ids.expand(count, -1), features, gates)
        return output.float().to(scaled_RTChw.device)

    def try_out(self, noise_TChw: Tensor, count: int) -> Tensor:
        """The output of `count` rows of noise, all of frame 0: what a call costs."""
        rows = Rows(torch.zeros(count, len(noise_TChw), dtype=torch.long), torch.full((count,), FULL))
        return self(noise_TChw.expand(count, *noise_TChw.shape), torch.tensor(0.0), rows)
