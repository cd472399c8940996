"""The model with the inputs of one video, evaluated under the sets of conditions that guidance compares.

Shape suffixes: R rows, T frames of a window, C latent channels, h w latent sides, D token width, H W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lcvd.model.adapter_features import AdapterFeatures
from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import POSITIVE, Guidance
from lcvd.model.images import image_tensor, portrait_mask
from lcvd.model.lcvd import CONDITIONS, LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.objective import network_input
from lcvd.model.sampler import Rows


class Conditioned:
    """The network that `sampler.sample` calls; rows are moved to the device and the outputs back.

    Args:
        conditioning: the inputs; checked here.
        guidance: says which conditions are in each set.
        noise: (3,H,W), added to the reference before it is encoded. ids: time ids (1,3) on `device`.

    Attributes:
        frames: number of frames of the video, the reference included.

    Raises:
        UsageError: an input is missing, or has a wrong type, shape or range; the error names it.
    """

    def __init__(
        self,
        model: LCVD,
        device: torch.device,
        conditioning: Conditioning,
        guidance: Guidance,
        *,
        noise: Tensor,
        ids: Tensor,
    ) -> None:
        guidance.check_adapters(list(model.adapters))
        self._model, self._device, self._ids = model, device, ids
        sets = guidance.condition_sets()
        used = set().union(*sets)
        fixed = "reference" in used and not model.warp_reference
        moving = conditioning.sequences(used - ({"reference"} if fixed else set()), model.size)
        self.frames = len(moving["shading"])
        guidance.scale_of(self.frames)  # a wrong length is refused before anything is computed
        reference = image_tensor("reference", conditioning.reference, model.size) * 2 - 1
        mask = portrait_mask("reference_mask", conditioning.reference_mask, model.size)
        self._features = AdapterFeatures(
            model,
            reference if fixed else None,
            {name: images for name, images in moving.items() if name in used},
            device,
        )
        self._tokens = self._image_tokens(reference, guidance.clip_in_negative)
        self._condition = self._condition_latent(reference + noise, mask)
        self._gates = {
            name: torch.tensor([float(name in chosen) for chosen in sets], device=device, dtype=model.unet.dtype)
            for name in CONDITIONS
            if name in used
        }

    def __call__(self, scaled_RTChw: Tensor, timestep: Tensor, rows: Rows) -> Tensor:
        """v-predictions (R,T,C,h,w) float32, on the device of the input."""
        count, which = len(rows.set_R), rows.set_R.to(self._device)
        scaled = scaled_RTChw.to(self._device, self._model.unet.dtype)
        x = network_input(scaled, self._condition.expand(count, -1, -1, -1))
        gates = {name: gate[which] for name, gate in self._gates.items()}
        time = timestep.to(self._device).expand(count)
        features = self._features.of(rows.frames_RT)
        output = self._model(x, time, self._tokens[which], self._ids.expand(count, -1), features, gates)
        return output.float().to(scaled_RTChw.device)

    def try_out(self, noise_TChw: Tensor, count: int) -> Tensor:
        """The output of `count` rows of noise, all of frame 0, to measure the memory of one call."""
        rows = Rows(torch.zeros(count, len(noise_TChw), dtype=torch.long), torch.full((count,), POSITIVE))
        return self(noise_TChw.expand(count, *noise_TChw.shape), torch.tensor(0.0), rows)

    def _image_tokens(self, reference_3HW: Tensor, in_negative: bool) -> Tensor:
        """Image tokens (3,1,D), one per set of conditions."""
        token = self._model.token(reference_3HW[None].to(self._device)).to(self._model.unet.dtype)
        none = torch.zeros_like(token)
        return torch.cat([token if in_negative else none, token, none])

    def _condition_latent(self, noisy_3HW: Tensor, mask_HW: Tensor) -> Tensor:
        """Latent (1,C,h,w) of the noisy reference, zero inside the portrait mask."""
        codec, vae = self._model.codec, self._model.codec.autoencoder
        dtype = vae.dtype
        upcast = dtype == torch.float16 and vae.config.force_upcast
        if upcast:
            vae.to(torch.float32)
        latent = codec.encode_condition(noisy_3HW[None].to(self._device, vae.dtype))
        if upcast:
            vae.to(dtype)
        return (latent * (1 - latent_mask(mask_HW[None].to(self._device)))).to(self._model.unet.dtype)
